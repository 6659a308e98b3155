import { type Html, html } from '@auction/common/html.ts'
import { field, hidden, type Notes, postForm, sectionAway } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { deviceName } from '#src/domain/device-name.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type { AccountView, PasskeyView, SessionView } from '#src/infra/http/identity.ts'
import { accountPage } from './frame.ts'

export interface SecurityParts extends Notes {
  account: AccountView
  sessions: readonly SessionView[] | 'away'
  passkeys: readonly PasskeyView[] | 'away'
  /** Of accounts with two-factor only. */
  codesLeft: number | 'away' | undefined
}

/** How the user logs in, and where they are logged in. */
export function securityPage(viewer: Viewer, parts: SecurityParts): string {
  const { talk } = viewer
  const { account: t } = talk.t
  const { problems = [], passkeys, sessions } = parts
  return accountPage(viewer, 'security', {
    flash: parts.flash,
    problems,
    scripts: ['passkeys'],
    content: html`<section aria-labelledby="password-title"><h2 id="password-title">${t.passwordTitle}</h2>
${postForm(viewer.to('/account/security/password'), 'password-change', t.changePassword, newPassword(viewer, problems))}</section>
<section aria-labelledby="two-factor-title"><h2 id="two-factor-title">${t.twoFactorTitle}</h2>
${twoFactor(viewer, parts)}</section>
<section aria-labelledby="passkeys-title" id="passkeys"><h2 id="passkeys-title">${t.passkeysTitle}</h2>
<p>${t.passkeys}</p>
${passkeys === 'away' ? sectionAway(talk) : passkeyList(viewer, passkeys)}</section>
<section aria-labelledby="sessions-title"><h2 id="sessions-title">${t.sessionsTitle}</h2>
${sessions === 'away' ? sectionAway(talk) : sessionList(viewer, sessions)}
<form method="post" action="/account/logout-everywhere" data-form="logout-everywhere"><p><button>${t.logOutEverywhere}</button></p></form></section>`,
  })
}

export function newPassword({ talk }: Viewer, problems: readonly Problem[]): Html {
  return field({
    name: 'newPassword',
    label: talk.t.account.newPassword,
    type: 'password',
    autocomplete: 'new-password',
    hint: talk.t.entry.passwordHint,
    problems,
  })
}

function twoFactor(viewer: Viewer, { account, codesLeft, problems = [] }: SecurityParts): Html {
  const { talk } = viewer
  const { account: t } = talk.t
  const path = (name: string) => viewer.to(`/account/security/${name}`)
  if (!account.twoFactorEnabled) {
    return html`<p id="two-factor-state">${t.twoFactorIsOff}</p>
<form method="post" action="${path('two-factor')}" data-form="two-factor"><p><button class="primary">${t.turnOn}</button></p></form>`
  }
  const code = (name: string) =>
    field({ name, label: t.anyCode, autocomplete: 'one-time-code', problems, lengthMax: 64 })
  const isOpen = (name: string) => problems.some(({ field: about }) => about === name)
  return html`<p id="two-factor-state">${t.twoFactorIsOn}${typeof codesLeft === 'number' && html` ${talk.count(codesLeft, t.codesLeft)}`}</p>
${codesLeft === 'away' && sectionAway(talk)}
<details class="save"${isOpen('newCode') && html` open`}><summary>${t.newCodes}</summary>
<p>${t.makeCodesHint}</p>
${postForm(path('recovery-codes'), 'recovery-codes', t.makeCodes, code('newCode'))}</details>
<details class="save"${isOpen('offCode') && html` open`}><summary>${t.turnOff}</summary>
${postForm(path('two-factor/off'), 'two-factor-disable', t.turnItOff, code('offCode'))}</details>`
}

function passkeyList(viewer: Viewer, passkeys: readonly PasskeyView[]): Html {
  const { talk } = viewer
  const { account: t } = talk.t
  const { errors } = talk.t
  // A script adds one; without it the sentence says so.
  const add = html`<p id="add-passkey" data-name="${t.thisDevice}" data-proof="${viewer.to(`/account/proof?returnTo=${encodeURIComponent(viewer.to('/account/security'))}`)}" data-done="${viewer.to('/account/security?said=passkey')}" data-fails="${t.noPasskeyHere}" data-full="${errors['identity.too_many_passkeys']}" data-known="${errors['identity.passkey_known']}"><small>${t.passkeysNeedScript}</small><button type="button" hidden>${t.addPasskey}</button></p>
<p class="status warn" id="passkey-status" role="status"></p>`
  if (passkeys.length === 0) return html`<p class="empty">${t.noPasskeys}</p>${add}`
  return html`<ul class="sessions">${passkeys.map((passkey) => passkeyLine(viewer, passkey))}</ul>${add}`
}

function passkeyLine(viewer: Viewer, { id, name, createdAt, lastUsedAt }: PasskeyView): Html {
  const { talk } = viewer
  const { account: t } = talk.t
  const path = viewer.to(`/account/security/passkeys/${id}`)
  const used = lastUsedAt === null ? t.passkeyUnused : t.passkeyUsed(talk.instant(lastUsedAt))
  return html`<li><strong dir="auto">${name}</strong>
<span>${t.passkeyAdded(talk.day(createdAt))}, ${used}</span>
<form method="post" action="${path}/remove" data-form="passkey-remove"><button aria-label="${t.removePasskey(name)}">${t.remove}</button></form>
<form method="post" action="${path}/rename" data-form="passkey-rename"><input type="text" name="name" aria-label="${t.passkeyName(name)}" value="${name}" maxlength="${TEXT_LENGTHS_MAX.name}" required autocomplete="off" dir="auto"> <button>${t.rename}</button></form></li>
`
}

function sessionList(viewer: Viewer, sessions: readonly SessionView[]): Html {
  const { account: t } = viewer.talk.t
  // This one first: who does not know another in the list then sees which are left.
  const sorted = [...sessions].sort((one, other) => Number(other.current) - Number(one.current))
  return html`<ul id="sessions" class="sessions">${sorted.map((session) => sessionLine(viewer, session))}</ul>
${
  sessions.length > 1 &&
  html`<form method="post" action="${viewer.to('/account/sessions/end-others')}" data-form="end-others"><p><button>${t.endOthers}</button></p></form>`
}`
}

function sessionLine(viewer: Viewer, session: SessionView): Html {
  const { id, device, address, createdAt, lastSeenAt, current } = session
  const { talk } = viewer
  const { account: t } = talk.t
  const where = [deviceName(device, t.device), address].filter((part) => part !== null).join(', ')
  return html`<li><strong dir="auto">${where}</strong>
<span>${t.sessionSince(talk.day(createdAt), talk.instant(lastSeenAt))}</span>
${
  current
    ? html`<em>${t.thisSession}</em>`
    : html`<form method="post" action="${viewer.to(`/account/sessions/${id}/end`)}" data-form="end-session"><button aria-label="${t.endSession(where)}">${t.end}</button></form>`
}</li>
`
}

/** What an authenticator app needs, and the form that turns two-factor on. */
export interface Enrolment {
  secret: string
  /** A picture as a data URI. */
  qrCode: string
}

export function enrolPage(
  viewer: Viewer,
  { secret, qrCode }: Enrolment,
  problems: readonly Problem[] = [],
): string {
  const { account: t } = viewer.talk.t
  return accountPage(viewer, 'security', {
    problems,
    content: html`<h2>${t.enrolTitle}</h2>
<p>${t.enrol}</p>
<p><img id="two-factor-qr" src="${qrCode}" alt="${t.qrAlt}" width="200" height="200"></p>
<p>${t.secret}: <code id="two-factor-secret">${secret}</code></p>
${postForm(
  viewer.to('/account/security/two-factor/confirm'),
  'two-factor-verify',
  t.turnItOn,
  html`${hidden('secret', secret)}${hidden('qrCode', qrCode)}${field({ name: 'code', label: t.code, autocomplete: 'one-time-code', problems, lengthMax: 64 })}`,
)}
<p><a class="button" href="${viewer.to('/account/security')}">${t.goBack}</a></p>`,
  })
}

/** The recovery codes, this once. */
export function codesPage(
  viewer: Viewer,
  codes: readonly string[],
  { flash }: { flash: string },
): string {
  const { account: t } = viewer.talk.t
  return accountPage(viewer, 'security', {
    flash,
    content: html`<h2>${t.codesTitle}</h2>
<p>${t.keepCodes}</p>
<ol id="recovery-codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ol>
<p><a class="button primary" href="${viewer.to('/account/security')}">${t.codesKept}</a></p>`,
  })
}
