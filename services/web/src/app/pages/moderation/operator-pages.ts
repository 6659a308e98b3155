import { type Html, html } from '@auction/common/html.ts'
import { checkbox, field, type Notes, postForm, sectionAway, select } from '#src/app/pages/parts.ts'
import { isAdmin, type Viewer } from '#src/app/viewer.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import type { Talk } from '#src/domain/talk.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type {
  AttributeView,
  OperatedCategoryView,
  RateView,
  UsersView,
  UserView,
} from '#src/infra/http/moderation.ts'
import { decisionForm, deskPage } from './frame.ts'

/** Of one attribute; each is a line of its field. */
const CHOICES_MAX = 200

export const GRANTED_ROLES = ['seller', 'moderator', 'admin'] as const

const statusName = ({ t }: Talk, status: string): string => {
  const { statuses } = t.moderation
  return status in statuses ? statuses[status as keyof typeof statuses] : status
}

const roleNames = ({ t }: Talk, roles: readonly string[]): string =>
  roles
    .map((role) => {
      const { roleNames: names } = t.moderation
      return role in names ? names[role as keyof typeof names] : role
    })
    .join(', ')

/** Accounts, found by how their address begins. */
export function usersPage(viewer: Viewer, email: string, { users, nextCursor }: UsersView): string {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const query = new URLSearchParams({
    ...(email === '' ? {} : { email }),
    ...(nextCursor === null ? {} : { cursor: nextCursor }),
  })
  return deskPage(viewer, 'users', {
    content: html`<form action="${viewer.to('/operator/users')}">
<div class="field"><label for="field-email">${t.findUser}</label>
<input id="field-email" name="email" type="text" inputmode="email" autocapitalize="none" spellcheck="false" maxlength="254" value="${email}"></div>
<p><button>${t.find}</button></p></form>
${
  users.length === 0
    ? html`<p class="empty">${t.noUsers}</p>`
    : html`<section class="scroll" aria-label="${t.users}" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${t.name}</th><th scope="col">${t.email}</th><th scope="col">${t.status}</th><th scope="col">${t.roles}</th></tr></thead>
<tbody>${users.map(
        (
          user,
        ) => html`<tr><th scope="row"><a href="${viewer.to(`/operator/users/${user.id}`)}" dir="auto">${user.name}</a></th>
<td data-label="${t.email}" dir="auto">${user.email}</td>
<td data-label="${t.status}">${statusName(talk, user.status)}</td>
<td data-label="${t.roles}">${roleNames(talk, user.roles)}</td></tr>
`,
      )}</tbody></table></section>`
}
${nextCursor !== null && html`<p><a class="button" rel="next" href="${viewer.to(`/operator/users?${query}`)}">${t.more}</a></p>`}`,
  })
}

export interface UserEntry extends Notes {
  came?: { verb: string; reason: string; until: string }
}

/** One account, and what its reader may do with it. */
export function userPage(
  viewer: Viewer,
  user: UserView,
  { flash, problems = [], came }: UserEntry,
): string {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const row = (name: string, value: Html | string) =>
    html`<div><dt>${name}</dt><dd>${value}</dd></div>
`
  const isOwn = viewer.userId === user.id
  return deskPage(viewer, 'users', {
    title: user.name,
    flash,
    problems,
    content: html`<dl class="details">${row(t.email, html`<span dir="auto" id="email">${user.email}</span>`)}
${row(t.verified, user.emailVerified ? t.yes : t.no)}
${row(t.twoFactor, user.twoFactorEnabled ? t.yes : t.no)}
${row(t.status, html`<span id="status-name">${statusName(talk, user.status)}</span>`)}
${row(t.roles, html`<span id="roles">${roleNames(talk, user.roles)}</span>`)}
${row(t.memberSince, talk.day(user.createdAt))}</dl>
<p><a href="${viewer.to(`/sellers/${user.id}`)}">${t.publicProfile}</a></p>
${isOwn ? html`<p class="empty">${t.yourself}</p>` : suspension(viewer, user, { problems, ...(came === undefined ? {} : { came }) })}
${isAdmin(viewer) && roleForms(viewer, user)}`,
  })
}

function suspension(viewer: Viewer, user: UserView, { problems = [], came }: UserEntry): Html {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const of = (verb: string) => (came?.verb === verb ? { reason: came.reason, problems } : undefined)
  const action = (verb: string) => `/operator/users/${user.id}/${verb}`
  const { suspension: given } = user
  if (given !== null) {
    return html`<h2>${t.suspension}</h2>
<p dir="auto">${t.suspendedBecause(given.reason)}</p>
<p>${talk.instant(given.suspendedAt)}. ${given.until === null ? t.suspendedForGood : t.suspendedUntil(talk.instant(given.until))}</p>
${decisionForm(viewer, { action: action('reinstate'), name: 'reinstate', button: t.reinstate, came: of('reinstate'), lengthMax: TEXT_LENGTHS_MAX['operator.reason'] })}`
  }
  const until = field({
    name: 'until',
    label: t.until,
    isOptional: true,
    value: came?.until ?? '',
    problems,
    lengthMax: 16,
  })
  return html`<h2>${t.suspension}</h2>
${decisionForm(viewer, { action: action('suspend'), name: 'suspend', button: t.suspend, fields: until, came: of('suspend'), lengthMax: TEXT_LENGTHS_MAX['operator.reason'] })}`
}

function roleForms(viewer: Viewer, user: UserView): Html {
  const { moderation: t } = viewer.talk.t
  return html`<h2>${t.roles}</h2>
${GRANTED_ROLES.map((role) => {
  const has = user.roles.includes(role)
  const name = t.roleNames[role]
  return html`<form method="post" action="${viewer.to(`/operator/users/${user.id}/${has ? 'revoke' : 'grant'}`)}" data-form="${has ? 'revoke' : 'grant'}-${role}"><input type="hidden" name="role" value="${role}"><p><button>${has ? t.takeRole(name) : t.giveRole(name)}</button></p></form>
`
})}`
}

export interface CategoryEntry {
  name: string
  description: string
  parentId: string
  isHidden: boolean
}

/** The whole tree, and a form that adds to it. */
export function categoriesPage(
  viewer: Viewer,
  categories: readonly OperatedCategoryView[],
  { entry, ...notes }: Notes & { entry?: CategoryEntry },
): string {
  const { moderation: t } = viewer.talk.t
  return deskPage(viewer, 'categories', {
    ...notes,
    content: html`${categories.length === 0 ? html`<p class="empty">${t.noCategories}</p>` : tree(viewer, categories, null)}
<h2>${t.addCategory}</h2>
${postForm(viewer.to('/operator/categories'), 'category-add', t.addCategory, categoryFields(viewer, categories, entry, notes.problems))}`,
  })
}

/** Each level once: a tree that loops would otherwise never end. */
function tree(
  viewer: Viewer,
  categories: readonly OperatedCategoryView[],
  parentId: string | null,
  depth = 0,
): Html {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const here = categories.filter(({ parent_id }) => parent_id === parentId)
  if (here.length === 0 || depth > 20) return html``
  return html`<ul class="links">${here.map(
    ({ id, name, status, item_count }) =>
      html`<li><a href="${viewer.to(`/operator/categories/${id}`)}" dir="auto">${name}</a> <small>${talk.count(item_count, t.lots)}${status === 'hidden' && html`, ${t.hidden}`}</small>${tree(viewer, categories, id, depth + 1)}</li>
`,
  )}</ul>`
}

function categoryFields(
  viewer: Viewer,
  categories: readonly OperatedCategoryView[],
  entry: CategoryEntry = { name: '', description: '', parentId: '', isHidden: false },
  problems: readonly Problem[] = [],
  ownId?: string,
): Html {
  const { moderation: t } = viewer.talk.t
  const parents = categories
    .filter(({ id }) => id !== ownId)
    .map(({ id, name }) => [id, name] as const)
  return html`${field({ name: 'name', label: t.categoryName, value: entry.name, problems, lengthMax: TEXT_LENGTHS_MAX['category.name'] })}
${field({ name: 'description', label: t.description, type: 'long', value: entry.description, isOptional: true, problems, lengthMax: TEXT_LENGTHS_MAX['category.description'] })}
${select({ name: 'parentId', label: t.parent, options: [['', t.top] as const, ...parents], value: entry.parentId, problems })}
${checkbox({ name: 'isHidden', label: t.isHidden, isChecked: entry.isHidden })}`
}

export interface CategoryParts extends Notes {
  category: OperatedCategoryView
  categories: readonly OperatedCategoryView[]
  own: readonly AttributeView[] | 'away'
  inherited: readonly AttributeView[]
  rates: readonly RateView[] | 'away'
  /** What was typed into the form that came back. */
  entry?: CategoryEntry
  attributes?: readonly AttributeView[]
  percent?: string
}

/** Empty rows for new attributes; more follow after saving. */
const NEW_ROWS = 2

/** One category: its place, the attributes of its lots, and what a sale in it costs. */
export function operatedCategoryPage(viewer: Viewer, parts: CategoryParts): string {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const { category, categories, problems = [], rates } = parts
  const action = viewer.to(`/operator/categories/${category.id}`)
  const entry = parts.entry ?? {
    name: category.name,
    description: category.description,
    parentId: category.parent_id ?? '',
    isHidden: category.status === 'hidden',
  }
  const percentOf = (basisPoints: number) =>
    new Intl.NumberFormat(talk.language, { style: 'percent', maximumFractionDigits: 2 }).format(
      basisPoints / 10_000,
    )
  const ownRates =
    rates === 'away' ? [] : rates.filter(({ categoryId }) => categoryId === category.id)
  return deskPage(viewer, 'categories', {
    title: category.name,
    flash: parts.flash,
    problems,
    content: html`${postForm(action, 'category', t.save, categoryFields(viewer, categories, entry, problems, category.id))}
<section aria-labelledby="attributes-title"><h2 id="attributes-title">${t.attributes}</h2>
${parts.own === 'away' ? sectionAway(talk) : attributeForm(viewer, parts, parts.own)}</section>
<section aria-labelledby="commission-title"><h2 id="commission-title">${t.commission}</h2>
${
  rates === 'away'
    ? sectionAway(talk)
    : html`${
        ownRates.length === 0
          ? html`<p class="empty">${t.noRates}</p>`
          : html`<ul>${ownRates.map(({ basisPoints, validFrom, currencyCode }) => html`<li>${t.rate(percentOf(basisPoints), talk.instant(validFrom))}${currencyCode !== undefined && html` (${currencyCode})`}</li>`)}</ul>`
      }${postForm(`${action}/commission`, 'commission', t.addRate, field({ name: 'percent', label: t.percent, type: 'amount', lengthMax: 8, value: parts.percent ?? '', problems }))}`
}</section>
<section aria-labelledby="delete-title"><h2 id="delete-title">${t.delete}</h2>
<p>${t.deleteHint}</p>
<form method="post" action="${action}/delete" data-form="category-delete"><p><button>${t.delete}</button></p></form></section>`,
  })
}

function attributeForm(
  viewer: Viewer,
  { category, inherited, attributes }: CategoryParts,
  own: readonly AttributeView[],
): Html {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const none: AttributeView = { key: '', label: '', kind: 'text' }
  const rows = attributes ?? [...own, ...Array.from({ length: NEW_ROWS }, () => none)]
  const kinds = (['text', 'number', 'choice'] as const).map(
    (kind) => [kind, t.kinds[kind]] as const,
  )
  return html`${inherited.length > 0 && html`<p dir="auto">${t.inherited(inherited.map(({ label }) => label).join(', '))}</p>`}
${postForm(
  viewer.to(`/operator/categories/${category.id}/attributes`),
  'attributes',
  t.saveAttributes,
  html`<p>${t.keyHint}</p>${rows.map(
    (
      { key, label, kind, unit, choices },
      index,
    ) => html`<fieldset><legend>${t.attribute(talk.number(index + 1))}</legend>
${field({ name: `key${index}`, label: t.key, value: key, isOptional: true, lengthMax: 40 })}
${field({ name: `label${index}`, label: t.label, value: label, isOptional: true, lengthMax: TEXT_LENGTHS_MAX['attribute.label'] })}
${select({ name: `kind${index}`, label: t.kind, options: kinds, value: kind })}
${field({ name: `unit${index}`, label: t.unit, value: unit ?? '', isOptional: true, lengthMax: TEXT_LENGTHS_MAX['attribute.unit'] })}
${field({ name: `choices${index}`, label: t.choices, type: 'long', value: (choices ?? []).join('\n'), isOptional: true, lengthMax: CHOICES_MAX * TEXT_LENGTHS_MAX['attribute.choice'] })}</fieldset>`,
  )}`,
)}`
}
