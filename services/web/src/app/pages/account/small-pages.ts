import { type Html, html } from '@auction/common/html.ts'
import { aliasIn } from '#src/app/pages/cards.ts'
import { layout } from '#src/app/pages/layout.ts'
import { checkbox, field, hidden, type Notes, postForm } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { splitLocale } from '#src/domain/locale.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import type { BlockView } from '#src/infra/http/account.ts'
import type { AccountView } from '#src/infra/http/identity.ts'
import { accountPage } from './frame.ts'

/** Changing the address; a link that is mailed to the new one decides. */
export function emailPage(
  viewer: Viewer,
  account: AccountView,
  { email = '', flash, problems = [] }: Notes & { email?: string },
): string {
  const { account: t } = viewer.talk.t
  return accountPage(viewer, 'email', {
    flash,
    problems,
    content: html`<p>${t.emailNow(account.email)}</p>
<p>${t.emailHint}</p>
${postForm(
  viewer.to('/account/email'),
  'email-change',
  t.sendLink,
  field({
    name: 'email',
    label: t.newEmail,
    type: 'email',
    autocomplete: 'email',
    value: email,
    problems,
  }),
)}`,
  })
}

export interface NamedBlock extends BlockView {
  /** Of the account, or of the lot that a number belongs to; undefined when it cannot be read. */
  name: string | undefined
}

/** Whose bids a seller does not take. */
export function blocksPage(viewer: Viewer, blocks: readonly NamedBlock[], notes: Notes): string {
  const { account: t } = viewer.talk.t
  return accountPage(viewer, 'blocks', {
    ...notes,
    content: html`<p>${t.blocksIntro}</p>
${
  blocks.length === 0
    ? html`<p class="empty">${t.noBlocks}</p>`
    : html`<ul class="sessions" id="blocks">${blocks.map((block) => blockLine(viewer, block))}</ul>`
}`,
  })
}

function blockLine(viewer: Viewer, block: NamedBlock): Html {
  const { talk } = viewer
  const { account: t } = talk.t
  const { userId, itemId, bidder = '', name, blockedAt } = block
  const alias = aliasIn(talk, bidder)
  const number = /\d+$/.exec(bidder)?.[0] ?? ''
  const who =
    itemId === undefined
      ? html`<strong dir="auto">${name ?? t.unnamed}</strong>`
      : html`<strong>${t.ofLot(alias)} <a href="${viewer.to(`/lots/${itemId}`)}" dir="auto">${name ?? talk.t.my.unnamed}</a></strong>`
  const fields =
    itemId === undefined
      ? hidden('userId', userId ?? '')
      : html`${hidden('itemId', itemId)}${hidden('number', number)}`
  return html`<li>${who}
<span>${t.blocked(talk.instant(blockedAt))}</span>
<form method="post" action="${viewer.to('/account/blocks')}" data-form="unblock">${fields}<button aria-label="${t.unblockWhom(itemId === undefined ? (name ?? t.unnamed) : alias)}">${t.unblock}</button></form></li>
`
}

export interface LeaveNotes extends Notes {
  /** How many days the account can be kept; with 0 leaving cannot be taken back. */
  days: number
}

/** Leaving for good, with all that follows from it. */
export function leavePage(viewer: Viewer, { problems = [], days }: LeaveNotes): string {
  const { account: t } = viewer.talk.t
  const intro = days === 0 ? t.leaveIntroForGood : t.leaveIntro(days)
  return accountPage(viewer, 'leave', {
    problems,
    content: html`<div class="description">${intro.map((text) => html`<p>${text}</p>`)}</div>
${postForm(
  viewer.to('/account/delete'),
  'account-delete',
  t.deleteIt,
  checkbox({
    name: 'sure',
    label: days === 0 ? t.sureForGood : t.sure,
    isChecked: false,
    problems,
  }),
)}
<p><a class="button" href="${viewer.to('/account')}">${t.keepIt}</a></p>`,
  })
}

/** After leaving: the session is over, and so the page is that of a visitor. */
export function closedPage(
  viewer: Viewer,
  { deletedAfter, isForGood }: { deletedAfter: string; isForGood: boolean },
): string {
  const { account: t } = viewer.talk.t
  const at = viewer.talk.instant(deletedAfter)
  return layout({
    viewer: { ...viewer, isLoggedIn: false, path: viewer.to('/') },
    title: t.closedTitle,
    content: html`<h1>${t.closedTitle}</h1>
<p id="status">${isForGood ? t.closedForGood(at) : t.closed(at)}</p>`,
  })
}

/** A form that waits for something: the proof, or a login in another tab. */
export interface WaitingForm {
  action: string
  fields: Readonly<Record<string, string>>
}

/** What a form will do, as the service that does it says. */
export interface ShownAct {
  title: string
  lines: readonly (readonly [name: string, value: Html | string])[]
}

/** As they were sent. */
export const hiddenFields = ({ fields }: WaitingForm): Html[] =>
  Object.entries(fields).map(([name, value]) => hidden(name, value))

/**
 * The page in between when a change needs the password again. Its form goes to where the first one went, with all
 * that was typed there and the proof beside it.
 */
export function proofPage(
  viewer: Viewer,
  form: WaitingForm,
  options: {
    /** Undefined when it is not known. */
    isTwoFactorOn: boolean | undefined
    problems?: readonly Problem[]
    /** Instead of what the fields say. */
    act?: ShownAct | undefined
  },
): string {
  const { account: t } = viewer.talk.t
  const { isTwoFactorOn, problems = [], act } = options
  const code = field({
    name: PROOF.code,
    label: isTwoFactorOn === true ? t.anyCode : t.proofCode,
    autocomplete: 'one-time-code',
    isOptional: isTwoFactorOn !== true,
    problems,
    lengthMax: 64,
  })
  return layout({
    viewer,
    title: t.proofTitle,
    problems,
    scripts: ['passkeys'],
    content: html`<h1>${t.proofTitle}</h1>
<p>${t.proof}</p>
${waitingAct(viewer, act ?? actOf(viewer, form))}
${postForm(
  form.action,
  'reauthenticate',
  t.goOn,
  html`${hiddenFields(form)}${field({ name: PROOF.password, label: t.currentPassword, type: 'password', autocomplete: 'current-password', problems })}
${isTwoFactorOn !== false && code}`,
)}
<p id="prove-passkey" data-fails="${t.passkeyFailed}" hidden><button type="button">${t.provePasskey}</button></p>
<p class="status warn" id="passkey-status" role="status"></p>
<p><a class="button" href="${form.fields.returnTo === undefined ? viewer.path : viewer.to('/account')}">${t.goBack}</a></p>`,
  })
}

/**
 * What the form will do, and the values that matter. The password may be typed by another than who sent the form: at a
 * browser that was left open, the owner would otherwise prove an act of a thief.
 */
function waitingAct({ talk }: Viewer, { title, lines }: ShownAct): Html {
  const { account: t } = talk.t
  return html`<section id="waiting-act"><p>${t.proofAct} <strong>${title}</strong></p>
<dl class="details">${lines.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd dir="auto">${value}</dd></div>
`,
  )}</dl>
<p>${t.proofNotYou}</p></section>`
}

/** What a form will do, in a section, where only its fields say that. */
export const waitingForm = (viewer: Viewer, form: WaitingForm): Html =>
  waitingAct(viewer, actOf(viewer, form))

/**
 * By the address and by those fields alone that its route acts on: another field, added by a thief, must not stand in their
 * place. Currencies are not among them, for the service knows that of its money.
 */
function actOf({ talk }: Viewer, { action, fields }: WaitingForm): ShownAct {
  const { account: t, moderation: desk } = talk.t
  const { proofActs: acts } = t
  const path = pathOf(action)
  const { role = '' } = fields
  const roleName = Object.hasOwn(desk.roleNames, role)
    ? desk.roleNames[role as keyof typeof desk.roleNames]
    : role
  const ACTS: readonly (readonly [RegExp, string])[] = [
    [/^\/account\/proof$/, acts.page],
    [/^\/account\/email$/, acts.email],
    [/^\/account\/delete$/, t.deleteIt],
    [/^\/account\/security\/password$/, t.changePassword],
    [/^\/account\/security\/two-factor(\/confirm)?$/, t.turnOn],
    [/^\/account\/security\/two-factor\/off$/, t.turnOff],
    [/^\/account\/security\/recovery-codes$/, t.makeCodes],
    [/^\/account\/security\/passkeys\/.+\/rename$/, acts['passkey-rename']],
    [/^\/account\/security\/passkeys\/.+\/remove$/, acts['passkey-remove']],
    [/^\/account\/sessions\/end-others$/, t.endOthers],
    [/^\/account\/sessions\//, acts.session],
    [/^\/account(\/photo.*)?$/, acts.profile],
    [/^\/operator\/users\/.+\/suspend$/, desk.suspend],
    [/^\/operator\/users\/.+\/reinstate$/, desk.reinstate],
    [/^\/operator\/users\/.+\/grant$/, desk.giveRole(roleName)],
    [/^\/operator\/users\/.+\/revoke$/, desk.takeRole(roleName)],
    [/^\/operator\/categories\/.+\/commission$/, acts.commission],
    [/^\/operator\/approvals\/.+\/approve$/, desk.approve],
    [/^\/operator\/approvals\/.+\/reject$/, desk.reject],
    [/^\/(operator\/orders|my\/sales)\/.+\/refund$/, acts.refund],
    [/^\/my\/payouts/, acts.payouts],
  ]
  const act = ACTS.find(([pattern]) => pattern.test(path))?.[1] ?? acts.other
  // A seller's refund is of what was confirmed, an operator's of what was typed.
  const amount = path.startsWith('/my/sales/') ? (fields.confirmed ?? fields.amount) : fields.amount
  const lines = [
    [t.newEmail, path === '/account/email' ? fields.email : ''],
    [t.proofAmount, amount],
    [desk.percent, fields.percent],
    [desk.reason, fields.reason],
    [desk.until, fields.until],
    // Whose account, which order: the page that the form was on shows it.
    [t.proofPlace, path === '/account/proof' ? fields.returnTo : path],
  ].filter((line): line is [string, string] => (line[1] ?? '') !== '')
  return { title: act, lines }
}

/** As the router reads it, which takes an escaped letter for the letter. */
function pathOf(action: string): string {
  const [path = ''] = splitLocale(action).rest.split('?')
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** The fields of the proof, which no other form has. */
export const PROOF = { password: 'proofPassword', code: 'proofCode' } as const
