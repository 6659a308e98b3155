import t from 'tap'
import { answerEmailChanges } from '#src/app/mail-requests/answer-email-changes.ts'
import { answerMailRequests } from '#src/app/mail-requests/answer-mail-requests.ts'
import { answerRegistrations } from '#src/app/mail-requests/answer-registrations.ts'
import { bearer, codeOf } from '#test/authenticator-app.ts'
import { decode } from '#test/forge.ts'
import { PERSON, startIdentity } from '#test/helper.ts'
import { readMails } from '#test/mails.ts'

const NEW = 'a quite different phrase'

async function start(t: Parameters<typeof startIdentity>[0]) {
  const identity = await startIdentity(t, { emailVerification: 'required' })
  const { db, mails, mailSeal } = identity
  const mailed = async () => {
    await answerRegistrations({ db, mails })
    await answerMailRequests({ db, mails })
    await answerEmailChanges({ db, mails })
    return readMails(db)
  }
  return {
    ...identity,
    mailed,
    /** The secret of the newest link to an address. */
    async linkTo(address: string) {
      const mail = (await mailed()).filter(({ to, link }) => to === address && link).at(-1)
      const { sealedSecret = '', mailId = '' } = mail ?? {}
      return mailSeal.open(Buffer.from(sealedSecret, 'base64'), mailId)
    },
  }
}

t.test('addresses, links and codes are taken as people paste them', async (t) => {
  const identity = await start(t)
  const { post, register, login, linkTo } = identity
  const pasted = ` ${PERSON.email}\n`
  t.match((await register({ email: pasted })).json(), { email: PERSON.email })
  const verify = { token: `${await linkTo(PERSON.email)} ` }
  t.equal((await post('email/verify', verify)).statusCode, 204)
  t.equal((await login({ email: `\u200e${pasted}` })).statusCode, 200)
  t.equal((await post('password/forgot', { email: pasted })).statusCode, 202)
  const reset = { token: `\u00a0${await linkTo(PERSON.email)}\r\n`, newPassword: NEW }
  t.equal((await post('password/reset', reset)).statusCode, 204)
  const { token } = (await login({ email: pasted, password: NEW })).json()
  const as = bearer(identity, token)
  t.equal((await as.post('email/change', { email: '\tnew@example.org ' })).statusCode, 202)
  t.equal(
    (await post('email/confirm', { token: ` ${await linkTo('new@example.org')}` })).statusCode,
    204,
  )
  const me = (await as.get('me')).json()
  t.match(me, { email: 'new@example.org' }, 'stored without what was pasted around it')
  const { secret } = (await as.post('2fa/enable')).json()
  const code = await codeOf(secret)
  const on = await as.post('2fa/verify', { code: ` ${code.slice(0, 3)}\u2011${code.slice(3)}\n` })
  t.equal(on.statusCode, 200)
  const [recoveryCode] = on.json().recoveryCodes
  const asked = (await login({ email: 'new@example.org', password: NEW })).json().details
  const challenge = { token: ` ${asked.token}\n`, code: `\u200b${recoveryCode}\u00a0` }
  t.equal((await post('2fa/challenge', challenge)).statusCode, 200)
  const blank = await login({ email: 'new@example.org', password: ` ${NEW}` })
  t.equal(blank.statusCode, 401, 'a blank of a password is part of it')
})

t.test(
  'an international address has an account, and mail goes to its domain in ASCII',
  async (t) => {
    const identity = await start(t)
    const { post, register, login, linkTo, mailed } = identity
    const typed = 'müller@bücher.example'
    const mailbox = 'müller@xn--bcher-kva.example'
    t.match((await register({ email: typed })).json(), { email: typed })
    t.equal((await post('email/verify', { token: await linkTo(mailbox) })).statusCode, 204)
    const spellings = [typed, 'Müller@BÜCHER.example', mailbox, 'mu\u0308ller@bücher.example ']
    for (const email of spellings)
      t.equal((await login({ email })).statusCode, 200, `the same account: ${email}`)
    const { token } = (await login({ email: mailbox })).json()
    const as = bearer(identity, token)
    t.match((await as.get('me')).json(), { email: typed }, 'shown as it was typed')
    t.match(decode(token).claims, { email: typed })
    const validated = await as.get('validate')
    t.equal(validated.statusCode, 200)
    t.equal(validated.headers['x-user-email'], '"m%c3%bcller"@xn--bcher-kva.example')
    const before = (await mailed()).length
    t.equal((await register({ email: mailbox })).statusCode, 201, 'the answer does not show it')
    t.match((await mailed()).slice(before), [{ template: 'already_registered', to: mailbox }])
    t.equal((await post('password/forgot', { email: 'MÜLLER@bücher.example' })).statusCode, 202)
    const reset = { token: await linkTo(mailbox), newPassword: NEW }
    t.equal((await post('password/reset', reset)).statusCode, 204)
    t.equal((await login({ email: typed, password: NEW })).statusCode, 200)
    const stored = await identity.db.selectFrom('users').select('email_normalised').execute()
    t.strictSame(stored, [{ email_normalised: '"m%c3%bcller"@xn--bcher-kva.example' }])
    // The form in which it is kept is no way to claim it.
    const claimed = await register({ email: '"m%c3%bcller"@xn--bcher-kva.example' })
    t.match(claimed.json(), { code: 'identity.invalid_email' })
  },
)
