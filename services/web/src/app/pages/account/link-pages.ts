import { type Html, html } from '@auction/common/html.ts'
import { layout } from '#src/app/pages/layout.ts'
import { field, type Notes, postForm } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import { newPassword } from './security-page.ts'

export interface LinkEntry extends Notes {
  /** What was pasted, or the secret alone. */
  token?: string
  email?: string
  /** More than one account waits for this address, so the password decides which. */
  needsPassword?: boolean
  /** What was done; the form is not needed any more. */
  done?: string
}

/**
 * The secret of a mailed link is behind its #, which browsers do not send, so that no log of a server has it. The script
 * puts it into the field; without a script the user pastes the link.
 */
function linkField({ talk }: Viewer, token: string, problems: readonly Problem[]): Html {
  const { account: t } = talk.t
  return html`<div data-part="link">${field({ name: 'token', label: t.link, hint: t.linkHint, value: token, problems, lengthMax: 2_000 })}</div>`
}

function page(
  viewer: Viewer,
  title: string,
  entry: LinkEntry,
  form: () => Html,
  after: readonly [path: string, text: string],
): string {
  const { done, problems = [] } = entry
  const [path, text] = after
  return layout({
    viewer,
    title,
    problems,
    scripts: ['mailed-link'],
    content: html`<h1>${title}</h1>
${done === undefined ? form() : html`<p class="flash" id="status">${done}</p>`}
<p><a href="${viewer.to(path)}">${text}</a></p>`,
  })
}

/** Asking for a link that sets a new password. */
export function forgotPage(viewer: Viewer, entry: LinkEntry = {}): string {
  const { account: t, entry: texts } = viewer.talk.t
  const { email = '', problems = [] } = entry
  return page(
    viewer,
    t.forgotTitle,
    entry,
    () =>
      postForm(
        viewer.to('/account/forgot'),
        'forgot',
        t.forgot,
        field({
          name: 'email',
          label: texts.email,
          type: 'email',
          autocomplete: 'username',
          value: email,
          problems,
        }),
      ),
    ['/login', texts.logIn],
  )
}

/** Where the mailed link of a forgotten password leads. */
export function resetPage(viewer: Viewer, entry: LinkEntry = {}): string {
  const { account: t, entry: texts } = viewer.talk.t
  const { token = '', problems = [] } = entry
  return page(
    viewer,
    t.resetTitle,
    entry,
    () =>
      postForm(
        viewer.to('/account/reset'),
        'reset',
        t.reset,
        html`${linkField(viewer, token, problems)}${newPassword(viewer, problems)}`,
      ),
    ['/login', texts.logIn],
  )
}

/** Where the mailed link of a new account leads. A press of a button, because mailers open links. */
export function verifyEmailPage(viewer: Viewer, entry: LinkEntry = {}): string {
  const { account: t, entry: texts } = viewer.talk.t
  const { token = '', problems = [], needsPassword = false } = entry
  return page(
    viewer,
    t.verifyTitle,
    entry,
    () =>
      postForm(
        viewer.to('/account/verify-email'),
        'verify-email',
        t.mine,
        html`<p>${t.verify}</p>
${linkField(viewer, token, problems)}${
  needsPassword &&
  field({
    name: 'password',
    label: t.chosenPassword,
    type: 'password',
    autocomplete: 'current-password',
    problems,
  })
}`,
      ),
    ['/login', texts.logIn],
  )
}

/** Where the mailed link to another address leads. */
export function confirmEmailPage(viewer: Viewer, entry: LinkEntry = {}): string {
  const { account: t } = viewer.talk.t
  const { token = '', problems = [] } = entry
  return page(
    viewer,
    t.confirmTitle,
    entry,
    () =>
      postForm(
        viewer.to('/account/confirm-email'),
        'confirm-email',
        t.mine,
        html`<p>${t.confirm}</p>
${linkField(viewer, token, problems)}`,
      ),
    ['/account', viewer.talk.t.frame.account],
  )
}

/** Where the mailed link of a closed account leads. A press of a button, because mailers open links. */
export function keepByLinkPage(viewer: Viewer, entry: LinkEntry = {}): string {
  const { account: t, entry: texts } = viewer.talk.t
  const { token = '', problems = [] } = entry
  return page(
    viewer,
    t.keepTitle,
    entry,
    () =>
      postForm(
        viewer.to('/account/keep'),
        'keep-account',
        t.keepAccount,
        html`<p>${t.keepByLink}</p>
${linkField(viewer, token, problems)}`,
      ),
    ['/login', texts.logIn],
  )
}
