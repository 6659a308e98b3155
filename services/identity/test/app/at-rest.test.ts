import { ScureBase32Plugin } from 'otplib'
import t from 'tap'
import { codeOf, enrol } from '../authenticator-app.ts'
import { dumpOf } from '../dump.ts'
import { PERSON, startIdentity } from '../helper.ts'

const spellings = (secret: string) => [
  ...(['utf8', 'hex', 'base64'] as const).map((encoding) => Buffer.from(secret).toString(encoding)),
  secret.toLowerCase(),
]

t.test('a dump of the whole database holds no password and no token', async (t) => {
  const { db, register, login, refresh } = await startIdentity(t)
  await register({})
  const first = (await login({})).json()
  const second = (await refresh(first.refreshToken)).json()
  const dump = await dumpOf(db)
  t.ok(dump.includes(PERSON.email), 'the dump is one')
  const secrets = [
    PERSON.password,
    first.token,
    first.refreshToken,
    second.token,
    second.refreshToken,
    first.token.split('.')[2],
  ]
  for (const secret of secrets) {
    for (const spelling of spellings(secret)) t.notOk(dump.includes(spelling))
  }
  for (const token of [first.refreshToken, second.refreshToken]) {
    t.notOk(dump.includes(Buffer.from(token, 'base64url').toString('hex')), 'nor its raw bytes')
  }
})

t.test('nor anything of a second factor, whatever was done with it', async (t) => {
  const identity = await startIdentity(t)
  const { app, db, login } = identity
  const halfway = async () => (await login({})).json().details.token as string
  const { secret, otpauthUri, recoveryCodes, as } = await enrol(identity, PERSON.email)
  const waiting = [await halfway(), await halfway()]
  const used = await halfway()
  const payload = { token: used, code: recoveryCodes[0] }
  const challenged = await app.inject({ method: 'POST', url: '/identity/2fa/challenge', payload })
  t.equal(challenged.statusCode, 200)
  const code = await codeOf(secret, 1)
  const renewed = (await as.post('2fa/recovery-codes', { code })).json().recoveryCodes as string[]
  t.equal(renewed.length, 10)
  const { challenge } = (await as.post('passkeys/register/options')).json()
  const dump = await dumpOf(db)
  t.ok(dump.includes('two_factor.recovery_codes_replaced'), 'the dump is one')

  const codes = [...recoveryCodes, ...renewed]
  const secrets = [
    ...[secret, otpauthUri, ...waiting, used, challenge, challenged.json().refreshToken],
    ...codes.flatMap((shown) => [shown, shown.replaceAll('-', '')]),
  ]
  for (const text of secrets) {
    for (const spelling of spellings(text)) t.notOk(dump.includes(spelling))
  }
  const raw = Buffer.from(new ScureBase32Plugin().decode(secret))
  t.equal(raw.length, 20)
  for (const bytes of [raw, ...waiting.map((token) => Buffer.from(token, 'base64url'))]) {
    t.notOk(dump.includes(bytes.toString('hex')), 'nor the raw bytes')
    t.notOk(dump.includes(bytes.toString('base64')))
  }
  t.notMatch(dump, new RegExp(`(?<![0-9a-f.])${code}(?![0-9a-f])`), 'nor a code of the app')
})
