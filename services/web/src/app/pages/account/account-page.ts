import { layout } from '#src/app/pages/layout.ts'
import { html } from '#src/domain/html.ts'
import { field, form, PASSWORD_HINT, status } from './forms.ts'

const currentPassword = (name: string) =>
  field({ name, label: 'Current password', type: 'password', autocomplete: 'current-password' })

const code = (name: string) => field({ name, label: 'Code', autocomplete: 'one-time-code' })

/** The account of the logged-in user. The script fills it and sends all others to the login. */
export const accountPage = () =>
  layout({
    title: 'Account – Auction',
    script: 'account',
    content: html`<h1>Account</h1>
${status()}
<div id="account" hidden>
<p><strong id="name"></strong> <span id="email"></span></p>
<p><button type="button" data-act="logout">Log out</button>
<button type="button" data-act="logout-everywhere">Log out everywhere</button></p>
<section aria-labelledby="proof-title" id="proof" hidden>
<h2 id="proof-title">Prove that it is you</h2>
<p>What you asked for needs your password again, and your code when two-factor is on.</p>
${form(
  'reauthenticate',
  'Go on',
  html`${currentPassword('password')}
<p class="field"><label for="field-proof-code">Code (when two-factor is on)</label>
<input id="field-proof-code" name="code" autocomplete="one-time-code" maxlength="64"></p>`,
)}
</section>
<section aria-labelledby="two-factor-title">
<h2 id="two-factor-title">Two-factor</h2>
<p id="two-factor-state"></p>
<p id="two-factor-off" hidden><button type="button" data-act="two-factor-enable">Turn two-factor on</button></p>
<div id="two-factor-enrol" hidden>
<p>Scan this with your authenticator app, or type the secret, then type the code it shows.</p>
<p><img id="two-factor-qr" alt="QR code of the two-factor secret" width="200" height="200"></p>
<p><code id="two-factor-secret"></code></p>
${form('two-factor-verify', 'Turn it on', code('code'))}
</div>
<div id="two-factor-on" hidden>
${form('two-factor-disable', 'Turn two-factor off', code('off-code'))}
</div>
<div id="recovery" hidden>
<p>Keep these codes where your phone is not. Each works once, and they are not shown again.</p>
<ol id="recovery-codes"></ol>
</div>
</section>
<section aria-labelledby="sessions-title">
<h2 id="sessions-title">Where you are logged in</h2>
<ul id="sessions" class="sessions"></ul>
</section>
<section aria-labelledby="password-title">
<h2 id="password-title">Change the password</h2>
${form(
  'password-change',
  'Change it',
  field({
    name: 'newPassword',
    label: 'New password',
    type: 'password',
    autocomplete: 'new-password',
    hint: PASSWORD_HINT,
  }),
)}
</section>
<section aria-labelledby="email-title">
<h2 id="email-title">Change the e-mail address</h2>
${form(
  'email-change',
  'Send a link to it',
  field({ name: 'email', label: 'New e-mail address', type: 'email', autocomplete: 'email' }),
)}
</section>
<section aria-labelledby="delete-title">
<h2 id="delete-title">Delete the account</h2>
<p>You cannot while you lead an auction or sell something. What you bid and sold stays on record without your name.</p>
${form(
  'account-delete',
  'Delete it',
  html`<p><input id="field-sure" name="sure" type="checkbox" required>
<label for="field-sure">I will not get it back, and I know that</label></p>`,
)}
</section>
</div>`,
  })
