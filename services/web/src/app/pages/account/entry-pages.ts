import { layout } from '#src/app/pages/layout.ts'
import { type Html, html } from '#src/domain/html.ts'
import { field, form, PASSWORD_HINT, status } from './forms.ts'

const page = (title: string, content: Html) =>
  layout({ title: `${title} – Auction`, script: 'account', content })

/** Opening an account. */
export const registerPage = () =>
  page(
    'Register',
    html`<h1>Open an account</h1>
${form(
  'register',
  'Register',
  html`${field({ name: 'name', label: 'Name', autocomplete: 'name' })}
${field({ name: 'email', label: 'E-mail address', type: 'email', autocomplete: 'username' })}
${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'new-password', hint: PASSWORD_HINT })}`,
)}
${status()}
<p><a href="/account/login">You have an account: log in</a></p>`,
  )

/** Logging in, with the second step in the same place. */
export const loginPage = () =>
  page(
    'Log in',
    html`<h1>Log in</h1>
${form(
  'login',
  'Log in',
  html`${field({ name: 'email', label: 'E-mail address', type: 'email', autocomplete: 'username' })}
${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' })}`,
)}
${form(
  'challenge',
  'Continue',
  html`<p>Two-factor is on for this account. Type the code of your app, or a recovery code.</p>
${field({ name: 'code', label: 'Code', autocomplete: 'one-time-code' })}`,
  { isHidden: true },
)}
${status()}
<p><a href="/account/register">Open an account</a> · <a href="/account/forgot">Password forgotten</a></p>`,
  )

/** Asking for a link that sets a new password. */
export const forgotPage = () =>
  page(
    'Password forgotten',
    html`<h1>Password forgotten</h1>
${form(
  'forgot',
  'Send the link',
  field({ name: 'email', label: 'E-mail address', type: 'email', autocomplete: 'username' }),
)}
${status()}`,
  )

/** Where the mailed link of a forgotten password leads. */
export const resetPage = () =>
  page(
    'New password',
    html`<h1>Set a new password</h1>
${form(
  'reset',
  'Set it',
  field({
    name: 'newPassword',
    label: 'New password',
    type: 'password',
    autocomplete: 'new-password',
    hint: PASSWORD_HINT,
  }),
)}
${status()}
<p><a href="/account/login">Log in</a></p>`,
  )

/** Where the mailed link of a new account leads. A press of a button, because mailers open links. */
export const verifyEmailPage = () =>
  page(
    'Verify your address',
    html`<h1>Verify your e-mail address</h1>
${form('verify-email', 'This address is mine', html`<p>You asked for an account with this address.</p>`)}
${form(
  'verify-email-password',
  'Continue',
  field({
    name: 'password',
    label: 'The password that you chose',
    type: 'password',
    autocomplete: 'current-password',
  }),
  { isHidden: true },
)}
${status()}
<p><a href="/account/login">Log in</a></p>`,
  )

/** Where the mailed link to another address leads. */
export const confirmEmailPage = () =>
  page(
    'Confirm your new address',
    html`<h1>Confirm your new e-mail address</h1>
${form('confirm-email', 'This address is mine', html`<p>A user who is logged in wants this address for their account. Go on only if that was you.</p>`)}
${status()}
<p><a href="/account">Your account</a></p>`,
  )
