import { type Html, html } from '@auction/common/html.ts'
import { statusName } from '#src/app/pages/cards.ts'
import type { Notes } from '#src/app/pages/parts.ts'
import { sectionAway } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Talk } from '#src/domain/talk.ts'
import type { ActionView, QueueView, ReportView } from '#src/infra/http/moderation.ts'
import { decisionForm, deskPage, reportField } from './frame.ts'

export const REPORT_STATES = ['open', 'upheld', 'dismissed'] as const
export const REPORT_KINDS = [
  'prohibited',
  'counterfeit',
  'misleading',
  'offensive',
  'spam',
  'other',
  'words',
] as const

type Kind = (typeof REPORT_KINDS)[number]

export interface QueueChoice {
  state: (typeof REPORT_STATES)[number]
  kind: Kind | undefined
}

export function kindName({ t }: Talk, kind: string): string {
  if (kind === 'words') return t.moderation.words
  const { reasons } = t.bid
  return Object.hasOwn(reasons, kind) ? reasons[kind as keyof typeof reasons] : kind
}

/** Reports, the oldest first, by state and by reason. */
export function queuePage(
  viewer: Viewer,
  { state, kind }: QueueChoice,
  queue: QueueView,
  notes: Notes,
): string {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const path = (choice: Partial<QueueChoice>, page = 1) => {
    const values = { state, kind, ...choice }
    const query = new URLSearchParams({
      ...(values.state === 'open' ? {} : { state: values.state }),
      ...(values.kind === undefined ? {} : { kind: values.kind }),
      ...(page === 1 ? {} : { page: String(page) }),
    })
    return viewer.to(query.size === 0 ? '/moderation' : `/moderation?${query}`)
  }
  const { counts, page, totalPages } = queue
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const chip = (name: string, count: number, of: Kind | undefined) =>
    html`<a class="chip" href="${path({ kind: of })}"${of === kind && html` aria-current="page"`}>${name} <small>${talk.number(count)}</small></a>`
  return deskPage(viewer, 'reports', {
    ...notes,
    content: html`<nav class="tabs" aria-label="${t.stateTabs}">${REPORT_STATES.map(
      (each) =>
        html`<a href="${path({ state: each, kind: undefined })}"${each === state && html` aria-current="page"`}>${t.states[each]}</a>`,
    )}</nav>
<nav class="categories" aria-label="${t.kindTabs}">${chip(t.allKinds, all, undefined)}${REPORT_KINDS.filter(
      (each) => each === kind || (counts[each] ?? 0) > 0,
    ).map((each) => chip(kindName(talk, each), counts[each] ?? 0, each))}</nav>
${
  queue.items.length === 0
    ? html`<p class="empty">${t.noReports}</p>`
    : html`<section class="scroll" aria-label="${t.reports}" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${t.what}</th><th scope="col">${t.why}</th><th scope="col">${t.note}</th><th scope="col">${t.since}</th></tr></thead>
<tbody>${queue.items.map((report) => queueRow(viewer, report))}</tbody></table></section>`
}
${
  totalPages > 1 &&
  html`<nav class="pages" aria-label="${talk.t.list.pages}">${page > 1 && html`<a href="${path({}, page - 1)}">${talk.t.list.previous}</a>`}
<span>${talk.t.list.page(talk.number(page), talk.number(totalPages))}</span>
${page < totalPages && html`<a href="${path({}, page + 1)}">${talk.t.list.next}</a>`}</nav>`
}`,
  })
}

function queueRow(viewer: Viewer, report: ReportView): Html {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const name = report.comment === null ? report.itemName : t.aboutComment(report.itemName)
  return html`<tr><th scope="row"><a href="${viewer.to(`/moderation/reports/${report.id}`)}" dir="auto">${name}</a></th>
<td data-label="${t.why}">${kindName(talk, report.reason)}</td>
<td data-label="${t.note}" dir="auto">${report.note === '' ? t.noNote : report.note}</td>
<td data-label="${t.since}">${talk.instant(report.createdAt)}</td></tr>
`
}

export interface ReportParts extends Notes {
  report: ReportView
  actions: readonly ActionView[] | 'away'
  /** Names of people, where they can be read. */
  names: ReadonlyMap<string, string>
  /** The form that came back, and what was typed into it. */
  came?: { verb: string; reason: string }
}

/** One report: what it is about, and what can be decided. */
export function reportPage(viewer: Viewer, parts: ReportParts): string {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const { report, actions, problems = [] } = parts
  return deskPage(viewer, 'reports', {
    title: t.reportTitle,
    problems,
    flash: parts.flash,
    content: html`<dl class="details">${row(t.item, html`<a href="${viewer.to(`/lots/${report.itemId}`)}" dir="auto">${report.itemName}</a> (${statusName(talk, report.itemStatus)})`)}
${row(t.seller, person(viewer, report.sellerId, parts.names))}
${row(t.why, html`${kindName(talk, report.reason)}`)}
${row(t.reporter, report.reporterId === null ? html`${t.byList}` : person(viewer, report.reporterId, parts.names))}
${row(t.note, html`<span dir="auto">${report.note === '' ? t.noNote : report.note}</span>`)}
${row(t.since, html`${talk.instant(report.createdAt)}`)}
${row(t.state, html`${report.state in t.states ? t.states[report.state as keyof typeof t.states] : report.state}`)}
${report.comment !== null && row(t.author, person(viewer, report.comment.authorId, parts.names))}</dl>
${report.comment !== null && html`<h2>${t.text}</h2><blockquote class="question words" dir="auto">${report.comment.content}</blockquote>`}
<h2>${t.decide}</h2>
${decisions(viewer, parts)}
<h2>${t.history}</h2>
${actions === 'away' ? sectionAway(talk) : actionList(viewer, actions, parts.names, report.id)}`,
  })
}

const row = (name: string, value: Html): Html =>
  html`<div><dt>${name}</dt><dd>${value}</dd></div>
`

/** A person by name, with the way to their account. */
export function person(viewer: Viewer, id: string, names: ReadonlyMap<string, string>): Html {
  const name = names.get(id) ?? id
  return html`<a href="${viewer.to(`/operator/users/${id}`)}" dir="auto">${name}</a>`
}

function decisions(viewer: Viewer, { report, came, problems = [] }: ReportParts): Html {
  const { moderation: t } = viewer.talk.t
  const { comment } = report
  const isRemoved = (comment?.state ?? report.itemStatus) === 'removed'
  const about =
    comment === null
      ? { path: `/moderation/items/${report.itemId}`, hide: t.hideItem, show: t.restoreItem }
      : { path: `/moderation/comments/${comment.id}`, hide: t.hideComment, show: t.restoreComment }
  const of = (verb: string) => (came?.verb === verb ? { reason: came.reason, problems } : undefined)
  const form = (verb: string, action: string, button: string, hint?: string) =>
    decisionForm(viewer, {
      action,
      name: verb,
      button,
      fields: reportField(report.id),
      came: of(verb),
      ...(hint === undefined ? {} : { hint }),
    })
  return html`${
    isRemoved
      ? form('restore', `${about.path}/restore`, about.show)
      : form(
          'remove',
          `${about.path}/remove`,
          about.hide,
          comment === null ? t.hideItemHint : undefined,
        )
  }${report.state === 'open' && form('dismiss', `/moderation/reports/${report.id}/dismiss`, t.dismiss)}`
}

/** What moderators did, the latest first; what can be undone has its form. */
export function actionList(
  viewer: Viewer,
  actions: readonly ActionView[],
  names: ReadonlyMap<string, string>,
  reportId?: string,
): Html {
  const { talk } = viewer
  const { moderation: t } = talk.t
  if (actions.length === 0) {
    return html`<p class="empty">${reportId === undefined ? t.noActions : t.noHistory}</p>`
  }
  return html`<ul class="sessions">${actions.map(({ action, at, actorId, itemId, reason }) => {
    const name = action in t.acts ? t.acts[action as keyof typeof t.acts] : action
    return html`<li><strong>${name}</strong>
${reportId === undefined && html`<span><a href="${viewer.to(`/lots/${itemId}`)}" dir="auto">${names.get(itemId) ?? t.item}</a></span>`}
<span>${talk.instant(at)}, ${person(viewer, actorId, names)}</span>
${reason !== null && html`<q dir="auto">${reason}</q>`}</li>
`
  })}</ul>`
}

/** The record, with a form to undo what hides something. */
export function actionsPage(
  viewer: Viewer,
  actions: readonly ActionView[],
  parts: Notes & {
    names: ReadonlyMap<string, string>
    more: string | undefined
    came?: { path: string; reason: string } | undefined
  },
): string {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const { names, more, came, problems = [] } = parts
  // The newest about each decides whether it is hidden.
  const seen = new Set<string>()
  return deskPage(viewer, 'actions', {
    flash: parts.flash,
    problems,
    content: html`${
      actions.length === 0
        ? html`<p class="empty">${t.noActions}</p>`
        : html`<ul class="sessions">${actions.map((action) => {
            const about = action.commentId ?? action.itemId
            const isNewest = !seen.has(about)
            if (action.action !== 'report_dismissed') seen.add(about)
            return actionLine(viewer, action, { names, isNewest, came, problems })
          })}</ul>`
    }
${more !== undefined && html`<p><a class="button" rel="next" href="${viewer.to(more)}">${t.earlier}</a></p>`}`,
  })
}

function actionLine(
  viewer: Viewer,
  action: ActionView,
  parts: {
    names: ReadonlyMap<string, string>
    isNewest: boolean
    came: { path: string; reason: string } | undefined
    problems: Notes['problems']
  },
): Html {
  const { talk } = viewer
  const { moderation: t } = talk.t
  const { names, isNewest, came, problems = [] } = parts
  const { sequence, at, actorId, itemId, commentId, reason } = action
  const name =
    action.action in t.acts ? t.acts[action.action as keyof typeof t.acts] : action.action
  const path =
    commentId === null
      ? `/moderation/items/${itemId}/restore`
      : `/moderation/comments/${commentId}/restore`
  return html`<li><strong>${name}: <a href="${viewer.to(`/lots/${itemId}`)}" dir="auto">${names.get(itemId) ?? t.item}</a></strong>
<span>${talk.instant(at)}, ${person(viewer, actorId, names)}</span>
${reason !== null && html`<q dir="auto">${reason}</q>`}
${
  isNewest &&
  action.action.endsWith('_removed') &&
  decisionForm(viewer, {
    action: path,
    name: `undo-${sequence}`,
    button: t.undo,
    came: came?.path === path ? { reason: came.reason, problems } : undefined,
  })
}</li>
`
}
