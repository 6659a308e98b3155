import { sql } from 'kysely'
import t from 'tap'
import { bearer, codeOf, enrol } from '#test/authenticator-app.ts'
import { decode } from '#test/forge.ts'
import { PERSON, startIdentity, type TestDb } from '#test/helper.ts'

const { password } = PERSON
const LONG_AGO = 1_000_000

const age = (db: TestDb) =>
  sql`update sessions set authenticated_at = to_timestamp(${LONG_AGO})`.execute(db)

t.test('POST /identity/reauthenticate', async (t) => {
  const identity = await startIdentity(t)
  const { db, register, login, refresh } = identity
  const person = async (email: string) => {
    const { id } = (await register({ email })).json()
    const { token, refreshToken } = (await login({ email })).json()
    return { id, token, refreshToken, ...bearer(identity, token) }
  }

  t.test('a right password makes the proof fresh, in the session and in its tokens', async (t) => {
    const ann = await person('ann@example.org')
    await age(db)
    t.equal((await ann.post('2fa/enable')).statusCode, 403)
    const response = await ann.post('reauthenticate', { password })
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    const { token, expiresIn, ...rest } = response.json()
    t.same([expiresIn, rest], [600, {}])
    const { claims } = decode(token)
    t.equal(claims.sid, decode(ann.token).claims.sid, 'it is the same session')
    t.ok(Number(claims.auth_time) > LONG_AGO)
    t.same(claims.amr, ['pwd'])
    t.equal((await ann.post('2fa/enable')).statusCode, 200)
    const refreshed = decode((await refresh(ann.refreshToken)).json().token).claims
    t.equal(refreshed.auth_time, claims.auth_time, 'a refresh keeps the proof and its time')
  })

  t.test('with two-factor on it asks for a code as well, which counts once', async (t) => {
    const { as, secret, spentCode, recoveryCodes } = await enrol(identity, 'ben@example.org')
    await age(db)
    const without = await as.post('reauthenticate', { password })
    t.match([without.statusCode, without.json().code], [400, 'identity.code_required'])
    const spent = await as.post('reauthenticate', { password, code: spentCode })
    t.match([spent.statusCode, spent.json().code], [401, 'identity.invalid_code'])
    const code = await codeOf(secret, 1)
    const wrong = await as.post('reauthenticate', { password: 'wrong password', code })
    t.match([wrong.statusCode, wrong.json().code], [401, 'identity.invalid_credentials'])
    const response = await as.post('reauthenticate', { password, code })
    t.equal(response.statusCode, 200, 'a wrong password did not spend the code')
    t.same(decode(response.json().token).claims.amr, ['pwd', 'otp'])
    const recovered = await as.post('reauthenticate', { password, code: recoveryCodes[0] })
    t.same(decode(recovered.json().token).claims.amr, ['pwd', 'kba'])
    t.same((await as.get('2fa/recovery-codes')).json(), { left: 9 })
  })

  t.test(
    'wrong codes beside the right password use up their own tries, not those of passwords',
    async (t) => {
      const { as, secret, recoveryCodes } = await enrol(identity, 'fay@example.org')
      const answers: string[] = []
      for (let tries = 0; tries < 11; tries += 1) {
        answers.push((await as.post('reauthenticate', { password, code: '000000' })).json().code)
      }
      t.equal(answers.at(-1), 'identity.too_many_codes', 'a guesser of codes stays limited')
      const recovered = await as.post('reauthenticate', { password, code: recoveryCodes[0] })
      t.equal(recovered.statusCode, 200)
      await sql`update totp_secrets set short_window_tries = 0`.execute(db)
      const proved = await as.post('reauthenticate', { password, code: await codeOf(secret, 1) })
      t.equal(proved.statusCode, 200)
    },
  )

  t.test('ten wrong passwords end this session, and no other', async (t) => {
    const cat = await person('cat@example.org')
    const elsewhere = bearer(identity, (await login({ email: 'cat@example.org' })).json().token)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => cat.post('reauthenticate', { password: 'wrong password' })),
    )
    const codes = answers.map((response) => response.json().code)
    t.equal(codes.filter((code) => code === 'identity.invalid_credentials').length, 10)
    t.equal((await cat.post('reauthenticate', { password })).statusCode, 401)
    t.equal((await cat.get('validate')).statusCode, 401)
    t.equal((await refresh(cat.refreshToken)).statusCode, 401)
    t.equal((await elsewhere.get('validate')).statusCode, 200)
    const { rows } = await sql<{ reason: string }>`select revoked_reason as reason from sessions
      where user_id = ${cat.id} and revoked_at is not null`.execute(db)
    t.same(rows, [{ reason: 'wrong_proofs' }])
  })

  t.test('a right password forgives the wrong ones before it', async (t) => {
    const dan = await person('dan@example.org')
    for (const _ of [1, 2]) {
      for (let tries = 0; tries < 9; tries += 1) {
        await dan.post('reauthenticate', { password: 'wrong password' })
      }
      t.equal((await dan.post('reauthenticate', { password })).statusCode, 200)
    }
  })

  t.test('no place to hash does not count as a wrong password', async (t) => {
    const busy = await startIdentity(t, { concurrency: 1, queueMax: 0 })
    await busy.register({})
    const { token } = (await busy.login({})).json()
    const gate = Promise.withResolvers<void>()
    const taken = busy.permits.run(() => gate.promise)
    const response = await bearer(busy, token).post('reauthenticate', { password })
    t.equal(response.statusCode, 503)
    gate.resolve()
    await taken
    const { rows } = await sql`select 1 from sessions where failed_proofs > 0`.execute(busy.db)
    t.equal(rows.length, 0)
  })

  t.test('an ended session and bad bodies are refused', async (t) => {
    const eve = await person('eve@example.org')
    for (const payload of [{}, { password: 5 }, { password, code: 5 }, { password, more: 1 }]) {
      t.equal((await eve.post('reauthenticate', payload)).statusCode, 400)
    }
    await eve.post('logout')
    t.equal((await eve.post('reauthenticate', { password })).statusCode, 401)
    t.equal((await bearer(identity, 'x.y.z').post('reauthenticate', { password })).statusCode, 401)
  })
})

t.test('where two-factor is on, a fresh password alone is no proof', async (t) => {
  const identity = await startIdentity(t)
  const { as, secret } = await enrol(identity, 'ann@example.org')
  await sql`update sessions set methods = '{pwd}'`.execute(identity.db)
  const response = await as.post('2fa/recovery-codes', { code: await codeOf(secret, 1) })
  t.match([response.statusCode, response.json().code], [403, 'identity.proof_required'])
})
