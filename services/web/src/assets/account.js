// What the forms and buttons of the account pages do. Each form names its act; what identity
// answers is shown in the status line.
import { showAccount, showEnrolment, showMessage, showRecoveryCodes } from './account-view.js'
import { ask, askAsUser, forget, isLoggedIn, Refusal, remember } from './identity.js'

/** The secret of a mailed link; it stays behind the #, which never leaves the browser. */
const linkToken = () => new URLSearchParams(location.hash.slice(1)).get('token') ?? ''

let pendingToken = ''
/** What to repeat once the person has proved again who they are. */
let postponed

const FORMS = {
  async register(values) {
    await ask('POST', '/identity/register', values)
    showMessage('Look into your mailbox: a link is on its way that opens your account.')
  },
  async login(values) {
    const answer = await ask('POST', '/identity/login', values)
    if (answer.status !== 202) return enter(answer)
    pendingToken = answer.details.token
    form('login').hidden = true
    form('challenge').hidden = false
    form('challenge').elements.code.focus()
    showMessage(answer.message)
  },
  async challenge({ code }) {
    enter(await ask('POST', '/identity/2fa/challenge', { token: pendingToken, code }))
  },
  async forgot(values) {
    await ask('POST', '/identity/password/forgot', values)
    showMessage('If there is an account with this address, a mail is on its way.')
  },
  async reset({ newPassword }) {
    await ask('POST', '/identity/password/reset', { token: linkToken(), newPassword })
    showMessage('The new password is set, and every session has ended. Log in with it.')
  },
  async 'verify-email'() {
    try {
      await verifyEmail({})
    } catch (error) {
      if (error.code !== 'identity.password_required') throw error
      form('verify-email').hidden = true
      form('verify-email-password').hidden = false
      form('verify-email-password').elements.password.focus()
      showMessage(error.message)
    }
  },
  async 'confirm-email'() {
    await ask('POST', '/identity/email/confirm', { token: linkToken() })
    showMessage('This is your address now. Your other sessions have ended.')
  },
  async 'verify-email-password'({ password }) {
    await verifyEmail({ password })
  },
  async reauthenticate({ password, code }) {
    remember(
      await askAsUser('POST', '/identity/reauthenticate', { password, ...(code && { code }) }),
    )
    document.getElementById('proof').hidden = true
    const act = postponed
    postponed = undefined
    await act?.()
  },
  async 'two-factor-verify'({ code }) {
    const { recoveryCodes } = await askAsUser('POST', '/identity/2fa/verify', { code })
    await showAccount()
    showRecoveryCodes(recoveryCodes)
    showMessage('Two-factor is on. Your other sessions have ended.')
  },
  async 'two-factor-disable'(values) {
    await askAsUser('POST', '/identity/2fa/disable', { code: values['off-code'] })
    await showAccount()
    showMessage('Two-factor is off.')
  },
  async 'password-change'(values) {
    await askAsUser('POST', '/identity/password/change', values)
    showMessage('The password is changed. Your other sessions have ended.')
    await showAccount()
  },
  async 'email-change'(values) {
    await askAsUser('POST', '/identity/email/change', values)
    showMessage('A link is on its way to the new address. Stay logged in until you followed it.')
  },
  async 'account-delete'() {
    await askAsUser('DELETE', '/identity/me')
    forget()
    document.getElementById('account').hidden = true
    showMessage('Your account is closed, and will be deleted in a minute.')
  },
}

const ACTS = {
  async logout() {
    await askAsUser('POST', '/identity/logout')
    leave()
  },
  async 'logout-everywhere'() {
    await askAsUser('POST', '/identity/logout/everywhere')
    leave()
  },
  async 'two-factor-enable'() {
    await showEnrolment(await askAsUser('POST', '/identity/2fa/enable'))
  },
  async 'end-session'({ id }) {
    await askAsUser('DELETE', `/identity/sessions/${id}`)
    await showAccount()
    showMessage('That session has ended.')
  },
}

const form = (name) => document.querySelector(`form[data-form="${name}"]`)

async function verifyEmail(values) {
  await ask('POST', '/identity/email/verify', { token: linkToken(), ...values })
  showMessage('Your address is verified. You can log in now.')
}

function enter(tokens) {
  remember(tokens)
  location.assign('/account')
}

function leave() {
  forget()
  location.assign('/account/login')
}

/** Runs an act and shows a refusal; an act that wants a fresh proof runs again after the proof. */
async function run(act) {
  try {
    await act()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (error.code === 'identity.unauthenticated' && !isLoggedIn()) return leave()
    if (error.code === 'identity.proof_required') {
      postponed = act
      const proof = document.getElementById('proof')
      proof.hidden = false
      proof.querySelector('input').focus()
    }
    showMessage(error.message, true)
  }
}

document.addEventListener('submit', (event) => {
  event.preventDefault()
  const { target } = event
  const values = Object.fromEntries(new FormData(target))
  showMessage('')
  void run(async () => {
    await FORMS[target.dataset.form](values)
    target.reset()
  })
})

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]')
  if (button === null) return
  showMessage('')
  void run(() => ACTS[button.dataset.act](button.dataset))
})

if (location.pathname === '/account') {
  if (isLoggedIn()) void run(showAccount)
  else leave()
}
