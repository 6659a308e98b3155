import { sql } from 'kysely'
import t from 'tap'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import { revokeSessionsOfUser } from '#src/infra/postgres/sessions/sessions.ts'
import { bearer, codeOf, enrol } from '#test/authenticator-app.ts'
import { decode } from '#test/forge.ts'
import { PERSON, startIdentity } from '#test/helper.ts'

const SECOND_MS = 1_000
const MINUTES_MS = 60_000

t.test('POST /identity/2fa/challenge', async (t) => {
  const identity = await startIdentity(t)
  const { app, db, login } = identity
  const pending = async (email: string) => {
    const response = await login({ email })
    t.equal(response.statusCode, 202)
    return response.json().details.token as string
  }
  const challenge = (token: string, code: string) =>
    app.inject({ method: 'POST', url: '/identity/2fa/challenge', payload: { token, code } })
  const answerOf = async (response: ReturnType<typeof challenge>) => {
    const { statusCode, json } = await response
    return [statusCode, json().code]
  }
  const OVER = [401, 'identity.pending_login_over']
  const WRONG = [401, 'identity.invalid_code']

  t.test('the password alone gives a token for the challenge, and no session', async (t) => {
    const { id } = await enrol(identity, 'ann@example.org')
    const askedAtMs = Date.now()
    const response = await login({ email: 'ann@example.org' })
    const answeredAtMs = Date.now()
    t.equal(response.statusCode, 202)
    t.equal(response.headers['cache-control'], 'no-store')
    const { code, message, details, ...rest } = response.json()
    t.same(rest, {})
    t.equal(code, 'identity.second_factor_required')
    t.type(message, 'string')
    t.same(details.jwt, details.token, 'the name of old')
    t.same(details.expires_at, details.expiresAt)
    const madeAtMs = Date.parse(details.expiresAt) - 5 * MINUTES_MS
    const isBetween = madeAtMs >= askedAtMs - SECOND_MS && madeAtMs <= answeredAtMs + SECOND_MS
    t.ok(isBetween, 'it lives for five minutes')
    const { rows } = await sql`select 1 from sessions where user_id = ${id}`.execute(db)
    t.equal(rows.length, 1, 'the one that enrolled')
    const wrong = await login({ email: 'ann@example.org', password: 'wrong password' })
    t.match(wrong.json(), { code: 'identity.invalid_credentials' })
  })

  t.test('with a code of the app it gives what a login gives', async (t) => {
    const { secret } = await enrol(identity, 'ben@example.org')
    const response = await challenge(await pending('ben@example.org'), await codeOf(secret, 1))
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    const tokens = response.json()
    t.same(Object.keys(tokens).sort(), ['expiresIn', 'refreshToken', 'token'])
    t.match(decode(tokens.token).claims, { email: 'ben@example.org', amr: ['pwd', 'otp'] })
    t.equal((await bearer(identity, tokens.token).get('validate')).statusCode, 200)
    t.equal((await identity.refresh(tokens.refreshToken)).statusCode, 200)
  })

  t.test("the seed's clients call the token jwt", async (t) => {
    const { recoveryCodes } = await enrol(identity, 'cat@example.org')
    const { jwt } = (await login({ email: 'cat@example.org' })).json().details
    const response = await app.inject({
      method: 'POST',
      url: '/identity/2fa/challenge',
      payload: { jwt, code: recoveryCodes[3] },
    })
    t.equal(response.statusCode, 200)
  })

  t.test('seed bug 32: each recovery code logs in once, and its use is audited', async (t) => {
    const { id, as, recoveryCodes } = await enrol(identity, 'dan@example.org')
    const [first = '', second = ''] = recoveryCodes
    const response = await challenge(await pending('dan@example.org'), first.toLowerCase())
    t.equal(response.statusCode, 200)
    t.same(decode(response.json().token).claims.amr, ['pwd', 'kba'])
    t.same((await as.get('2fa/recovery-codes')).json(), { left: 9 })
    t.same(await answerOf(challenge(await pending('dan@example.org'), first)), WRONG)
    t.equal((await challenge(await pending('dan@example.org'), second)).statusCode, 200)
    const { rows } = await sql`select 1 from audit_entries
      where subject_id = ${id} and action = 'two_factor.recovery_code_used'`.execute(db)
    t.equal(rows.length, 2)
  })

  t.test("another user's recovery code is as wrong as any", async (t) => {
    const { recoveryCodes } = await enrol(identity, 'eve@example.org')
    await enrol(identity, 'fay@example.org')
    const token = await pending('fay@example.org')
    t.same(await answerOf(challenge(token, recoveryCodes[0] ?? '')), WRONG)
  })

  t.test('seed bug 34: a code works once, and no older one after it', async (t) => {
    const { secret, spentCode } = await enrol(identity, 'gus@example.org')
    const older = await codeOf(secret, -1)
    const token = await pending('gus@example.org')
    t.same(await answerOf(challenge(token, spentCode)), WRONG, 'spent by enrolling')
    t.same(await answerOf(challenge(token, older)), WRONG, 'older')
    const next = await codeOf(secret, 1)
    t.equal((await challenge(token, next)).statusCode, 200)
    t.same(await answerOf(challenge(token, next)), OVER, 'the token is used')
    t.same(await answerOf(challenge(await pending('gus@example.org'), next)), WRONG, 'replayed')
  })

  t.test('five tries, then even the right code is too late', async (t) => {
    const { recoveryCodes } = await enrol(identity, 'hal@example.org')
    const token = await pending('hal@example.org')
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        answerOf(challenge(token, `ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZ${10 + index}`)),
      ),
    )
    t.equal(answers.filter(([, code]) => code === WRONG[1]).length, 5)
    t.equal(answers.filter(([, code]) => code === OVER[1]).length, 15)
    t.same(await answerOf(challenge(token, recoveryCodes[0] ?? '')), OVER)
    const { rows } = await sql<{ tries: number }>`
      select tries from pending_logins where digest = ${digestOf(token)}`.execute(db)
    t.same(rows, [{ tries: 5 }], 'counted where a restart does not forget it')
    t.equal(
      (await challenge(await pending('hal@example.org'), recoveryCodes[0] ?? '')).statusCode,
      200,
    )
  })

  t.test('an expired, unknown or foreign token opens nothing', async (t) => {
    const { recoveryCodes, token, refreshToken } = await enrol(identity, 'ian@example.org')
    const code = recoveryCodes[0] ?? ''
    const expired = await pending('ian@example.org')
    await sql`update pending_logins set expires_at = clock_timestamp()
               where digest = ${digestOf(expired)}`.execute(db)
    for (const wrong of [expired, refreshToken, 'x', 'A'.repeat(43), token.slice(0, 128)]) {
      t.same(await answerOf(challenge(wrong, code)), OVER)
    }
    for (const payload of [
      { code },
      { token: 5, code },
      { token: 'x' },
      { token: 'x', code, a: 1 },
    ]) {
      const url = '/identity/2fa/challenge'
      t.equal((await app.inject({ method: 'POST', url, payload })).statusCode, 400)
    }
  })

  t.test('what ends the sessions of a user ends a login that waits, too', async (t) => {
    const { id, token, secret, as, recoveryCodes } = await enrol(identity, 'jan@example.org')
    const [first = '', second = '', third = ''] = recoveryCodes
    const changed = await pending('jan@example.org')
    await db
      .transaction()
      .execute((tx) =>
        revokeSessionsOfUser(tx, id, 'password_changed', String(decode(token).claims.sid)),
      )
    t.same(await answerOf(challenge(changed, first)), OVER)

    const suspended = await pending('jan@example.org')
    await sql`update users set status = 'suspended' where id = ${id}`.execute(db)
    t.same(await answerOf(challenge(suspended, first)), OVER)
    await sql`update users set status = 'active' where id = ${id}`.execute(db)

    const off = await pending('jan@example.org')
    t.equal((await as.post('2fa/disable', { code: await codeOf(secret, 1) })).statusCode, 204)
    t.same(await answerOf(challenge(off, second)), OVER)
    t.same(await answerOf(challenge(off, third)), OVER)
  })
})

t.test('seed bug 31: the token of a half login opens nothing but the challenge', async (t) => {
  const identity = await startIdentity(t)
  const { app, db, login, refresh } = identity
  await enrol(identity, PERSON.email)
  const { token } = (await login({})).json().details
  t.notMatch(token, /\./, 'it is no JWT')
  const { paths } = (await app.inject('/identity/openapi.json')).json()
  const bearerRoutes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, { security: object[] }>)
      // Public routes say so by an empty list.
      .filter(([, { security }]) => security.length > 0)
      .map(([method]) => ({ method: method.toUpperCase(), path })),
  )
  t.ok(bearerRoutes.length >= 8)
  for (const { method, path } of bearerRoutes) {
    const url = path.replaceAll(/\{\w+\}/g, '019a0000-0000-7000-8000-000000000000')
    for (const authorization of [`Bearer ${token}`, `Bearer ${token}.${token}.${token}`]) {
      const response = await app.inject({
        url,
        headers: { authorization },
        method: method as 'GET',
      })
      t.match([response.statusCode, response.json().code], [401, 'identity.unauthenticated'], path)
    }
  }
  t.equal((await refresh(token)).statusCode, 401)
  const { rows } = await sql`select 1 from sessions where revoked_at is null`.execute(db)
  t.equal(rows.length, 1, 'only the session that enrolled')
})
