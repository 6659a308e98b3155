import { html } from '@auction/common/html.ts'
import { layout } from '#src/app/pages/layout.ts'
import { field, hidden, postForm } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'

/** What a form shows when it comes back: what was typed, and what is wrong. */
export interface Entry {
  returnTo: string
  problems?: readonly Problem[]
  email?: string
  name?: string
  remember?: boolean
  /** Of an account that its owner has closed; absent where it is not known. */
  deletedAfter?: string
}

const withReturn = (viewer: Viewer, path: string, returnTo: string) =>
  `${viewer.to(path)}?returnTo=${encodeURIComponent(returnTo)}`

/** Opening an account. */
export function registerPage(viewer: Viewer, entry: Entry): string {
  const { returnTo, problems = [], name = '', email = '' } = entry
  const { entry: t } = viewer.talk.t
  return layout({
    viewer,
    title: t.register,
    problems,
    content: html`<h1>${t.openAccount}</h1>
${postForm(
  '/register',
  'register',
  t.register,
  html`${hidden('returnTo', returnTo)}${field({ name: 'name', label: t.name, autocomplete: 'name', value: name, problems, lengthMax: TEXT_LENGTHS_MAX.name })}
${field({ name: 'email', label: t.email, type: 'email', autocomplete: 'username', value: email, problems })}
${field({ name: 'password', label: t.password, type: 'password', autocomplete: 'new-password', hint: t.passwordHint, problems })}`,
)}
<p><a href="${withReturn(viewer, '/login', returnTo)}">${t.haveAccount}</a></p>`,
  })
}

/** What follows a registration. It is the same for an address that has an account already. */
export function registeredPage(viewer: Viewer, returnTo: string): string {
  const { entry: t } = viewer.talk.t
  return layout({
    viewer,
    title: t.mailboxTitle,
    content: html`<h1>${t.oneMoreStep}</h1>
<p class="flash" id="status">${t.mailbox}</p>
<p><a href="${withReturn(viewer, '/login', returnTo)}">${t.logIn}</a></p>`,
  })
}

/** Logging in by password, or by a passkey that the browser offers in the field of the address. */
export function loginPage(viewer: Viewer, entry: Entry): string {
  const { returnTo, problems = [], email = '', remember } = entry
  const { entry: t } = viewer.talk.t
  return layout({
    viewer,
    title: t.logIn,
    scripts: ['passkeys'],
    problems,
    content: html`<h1>${t.logIn}</h1>
${postForm(
  '/login',
  'login',
  t.logIn,
  html`${hidden('returnTo', returnTo)}${field({ name: 'email', label: t.email, type: 'email', autocomplete: 'username webauthn', value: email, problems })}
${field({ name: 'password', label: t.password, type: 'password', autocomplete: 'current-password', problems })}
<p><input id="field-remember" name="remember" type="checkbox" value="yes"${remember === true && html` checked`}>
<label for="field-remember">${t.remember}</label></p>`,
)}
<p id="passkey" data-fails="${viewer.talk.t.account.passkeyFailed}" data-closed="${withReturn(viewer, '/login/keep', returnTo)}" hidden><button type="button">${t.passkey}</button></p>
<p class="status warn" id="passkey-status" role="status"></p>
<p><a href="${withReturn(viewer, '/register', returnTo)}">${t.openAccount}</a> · <a href="${viewer.to('/account/forgot')}">${t.forgot}</a></p>`,
  })
}

/** What a login to a closed account is answered with: when it is deleted, and a form that keeps it. */
export function keepPage(viewer: Viewer, entry: Entry): string {
  const { talk } = viewer
  const { returnTo, problems = [], email = '', remember, deletedAfter } = entry
  const { entry: texts, account: t } = talk.t
  return layout({
    viewer,
    title: t.closedTitle,
    problems,
    content: html`<h1>${t.closedTitle}</h1>
<p id="status">${deletedAfter === undefined ? t.closedSoon : t.closedUntil(talk.instant(deletedAfter))}</p>
<p>${t.keepHint}</p>
${postForm(
  '/login',
  'keep-account',
  t.keepAccount,
  html`${hidden('keepAccount', 'yes')}${hidden('returnTo', returnTo)}${hidden('remember', remember === true ? 'yes' : '')}${hidden('deletedAfter', deletedAfter ?? '')}${field({ name: 'email', label: texts.email, type: 'email', autocomplete: 'username', value: email, problems })}
${field({ name: 'password', label: texts.password, type: 'password', autocomplete: 'current-password', problems })}`,
)}
<p><a href="${viewer.to('/account/forgot')}">${t.keepForgot}</a> · <a href="${withReturn(viewer, '/login', returnTo)}">${t.otherLogin}</a></p>`,
  })
}

/** The second step, where two-factor is on. */
export function codePage(viewer: Viewer, { returnTo, problems = [], remember }: Entry): string {
  const { entry: t } = viewer.talk.t
  return layout({
    viewer,
    title: t.yourCode,
    problems,
    content: html`<h1>${t.yourCode}</h1>
${postForm(
  '/login/code',
  'challenge',
  t.goOn,
  html`<p>${t.codeHint}</p>
${hidden('returnTo', returnTo)}${hidden('remember', remember === true ? 'yes' : '')}${field({ name: 'code', label: t.code, autocomplete: 'one-time-code', problems })}`,
)}
<p><a href="${withReturn(viewer, '/login', returnTo)}">${t.beginAgain}</a></p>`,
  })
}
