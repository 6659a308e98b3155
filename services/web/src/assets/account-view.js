// Fills the account page. What identity answers becomes text, never markup.
import { askAsUser } from './identity.js'

const part = (id) => document.getElementById(id)

/** Shows a message in the status line, which screen readers announce. */
export function showMessage(message, isRefusal = false) {
  const line = part('status')
  line.textContent = message
  line.classList.toggle('warn', isRefusal)
}

/** Reads the account again and shows all of it. */
export async function showAccount() {
  const [me, recovery, { sessions }] = await Promise.all([
    askAsUser('GET', '/identity/me'),
    askAsUser('GET', '/identity/2fa/recovery-codes'),
    askAsUser('GET', '/identity/sessions'),
  ])
  part('name').textContent = me.name
  part('email').textContent = me.email
  part('two-factor-state').textContent = me.twoFactorEnabled
    ? `On. ${recovery.left} recovery codes are left.`
    : 'Off: anyone who learns your password can log in.'
  part('two-factor-off').hidden = me.twoFactorEnabled
  part('two-factor-on').hidden = !me.twoFactorEnabled
  part('two-factor-enrol').hidden = true
  part('recovery').hidden = true
  part('sessions').replaceChildren(...sessions.map(sessionLine))
  part('account').hidden = false
}

function sessionLine({ id, device, address, lastSeenAt, current }) {
  const line = document.createElement('li')
  const seen = new Date(lastSeenAt).toLocaleString()
  const where = [device ?? 'unknown device', address ?? ''].filter(Boolean).join(', ')
  line.textContent = `${where}, last seen ${seen} `
  if (current) line.append('(this one)')
  else line.append(endButton(id))
  return line
}

function endButton(id) {
  const button = document.createElement('button')
  button.type = 'button'
  button.dataset.act = 'end-session'
  button.dataset.id = id
  button.textContent = 'End it'
  return button
}

/** Shows what an authenticator app needs. */
export function showEnrolment({ secret, qrCode }) {
  part('two-factor-off').hidden = true
  part('two-factor-enrol').hidden = false
  part('two-factor-qr').src = qrCode
  part('two-factor-secret').textContent = secret
  part('field-code').focus()
}

/** Shows the recovery codes, this once. */
export function showRecoveryCodes(codes) {
  part('recovery').hidden = false
  part('recovery-codes').replaceChildren(
    ...codes.map((code) => {
      const line = document.createElement('li')
      const text = document.createElement('code')
      text.textContent = code
      line.append(text)
      return line
    }),
  )
}
