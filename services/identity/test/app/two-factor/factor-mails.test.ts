import t from 'tap'
import { bearer, codeOf, enrol } from '#test/authenticator-app.ts'
import { PERSON, startIdentity } from '#test/helper.ts'
import { readMails } from '#test/mails.ts'
import { createAuthenticator } from '#test/software-authenticator.ts'

const mailed = async (identity: Awaited<ReturnType<typeof startIdentity>>) =>
  (await readMails(identity.db)).map(({ to, template }) => `${template} ${to}`)

t.test('every change of two-factor is mailed to its owner once, a refused one not', async (t) => {
  const identity = await startIdentity(t)
  const { email, as, secret, recoveryCodes } = await enrol(identity, 'ann@example.org')
  t.same(await mailed(identity), [`two_factor_enabled ${email}`])
  t.equal(
    (await as.post('2fa/disable', { code: recoveryCodes[0]?.replace(/./g, 'a') })).statusCode,
    401,
  )
  const renewed = await as.post('2fa/recovery-codes', { code: await codeOf(secret, 1) })
  await as.post('2fa/disable', { code: renewed.json().recoveryCodes[0] })
  t.same(await mailed(identity), [
    `two_factor_enabled ${email}`,
    `recovery_codes_replaced ${email}`,
    `two_factor_disabled ${email}`,
  ])
})

t.test('the use of a recovery code is mailed to its owner, at login as in a session', async (t) => {
  const identity = await startIdentity(t)
  const { email, as, recoveryCodes } = await enrol(identity, 'ann@example.org')
  const pending = (await identity.login({ email })).json()
  const token = pending.details.token
  const login = await identity.post('2fa/challenge', { token, code: recoveryCodes[0] })
  t.equal(login.statusCode, 200)
  const { password } = PERSON
  const proof = await as.post('reauthenticate', { password, code: recoveryCodes[1] })
  t.equal(proof.statusCode, 200)
  t.same((await mailed(identity)).slice(1), Array(2).fill(`recovery_code_used ${email}`))
})

t.test('a passkey that comes or goes is mailed to its owner', async (t) => {
  const identity = await startIdentity(t)
  const { email } = PERSON
  await identity.register({})
  const { token } = (await identity.login({})).json()
  const as = bearer(identity, token)
  const authenticator = createAuthenticator()
  const credential = authenticator.create((await as.post('passkeys/register/options')).json())
  const added = await as.post('passkeys/register/verify', { name: 'my phone', credential })
  t.equal(added.statusCode, 201)
  const removed = await identity.app.inject({
    method: 'DELETE',
    url: `/identity/passkeys/${added.json().id}`,
    headers: { authorization: `Bearer ${token}` },
  })
  t.equal(removed.statusCode, 204)
  t.same(await mailed(identity), [`passkey_added ${email}`, `passkey_removed ${email}`])
})
