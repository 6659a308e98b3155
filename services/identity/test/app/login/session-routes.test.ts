import { waitFor } from '@auction/common/testing/wait-for.ts'
import { hashSync } from '@node-rs/argon2'
import { sql } from 'kysely'
import t from 'tap'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import { decode } from '#test/forge.ts'
import { PERSON, startIdentity } from '#test/helper.ts'

t.test('POST /identity/login', async (t) => {
  const { app, db, register, login } = await startIdentity(t)
  await register({})

  t.test('the right password gives tokens, in whatever case the address is written', async (t) => {
    const response = await login({ email: PERSON.email.toUpperCase() })
    t.equal(response.statusCode, 200)
    t.same(Object.keys(response.json()).sort(), ['expiresIn', 'refreshToken', 'token'])
    t.equal(response.headers['cache-control'], 'no-store')
  })

  t.test(
    'an unknown address, a wrong password and no address at all get the same answer',
    async (t) => {
      const responses = [
        await login({ password: 'wrong password' }),
        await login({ email: 'unknown@example.org' }),
        await login({ email: 'not an address' }),
        await login({ password: `${PERSON.password} ` }),
        await login({ password: ` ${PERSON.password}` }),
      ]
      const bodies = responses.map((response) => ({ ...response.json(), traceId: '' }))
      for (const [index, response] of responses.entries()) {
        t.equal(response.statusCode, 401)
        t.match(bodies[index], { code: 'identity.invalid_credentials' })
        t.same(bodies[index], bodies[0])
        t.same(
          Object.keys(response.headers).sort(),
          Object.keys(responses[0]?.headers ?? {}).sort(),
        )
      }
    },
  )

  t.test('a login shows a suspension only with the right password', async (t) => {
    await register({ email: 'bad@example.org' })
    await sql`update users set status = 'suspended' where email_normalised = 'bad@example.org'`.execute(
      db,
    )
    const right = await login({ email: 'bad@example.org' })
    t.equal(right.statusCode, 403)
    t.match(right.json(), { code: 'identity.suspended' })
    const wrong = await login({ email: 'bad@example.org', password: 'wrong password' })
    t.match(wrong.json(), { code: 'identity.invalid_credentials' })
    const { rows } = await sql`
      select 1 from sessions s join users u on u.id = s.user_id
       where u.email_normalised = 'bad@example.org'`.execute(db)
    t.equal(rows.length, 0, 'no session was started')
  })

  t.test('a deleted account is as unknown as one that never was', async (t) => {
    await register({ email: 'gone@example.org' })
    await sql`update users set status = 'deleted' where email_normalised = 'gone@example.org'`.execute(
      db,
    )
    const response = await login({ email: 'gone@example.org' })
    t.match(response.json(), { code: 'identity.invalid_credentials' })
  })

  t.test('a hash with older parameters is replaced at login', async (t) => {
    await register({ email: 'old@example.org' })
    const old = hashSync(PERSON.password, { memoryCost: 8_192, timeCost: 2, parallelism: 1 })
    await sql`update users set password_hash = ${old} where email_normalised = 'old@example.org'`.execute(
      db,
    )
    t.equal((await login({ email: 'old@example.org' })).statusCode, 200)
    const { rows } = await sql<{ password_hash: string; version: number }>`
      select password_hash, version from users where email_normalised = 'old@example.org'`.execute(
      db,
    )
    t.match(rows[0]?.password_hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    t.equal(
      (await login({ email: 'old@example.org' })).statusCode,
      200,
      'and the password still works',
    )
  })

  t.test('a password with composed or combining letters is one password', async (t) => {
    await register({ email: 'cafe@example.org', password: 'caf\u00e9-caf\u00e9' })
    const response = await login({ email: 'cafe@example.org', password: 'cafe\u0301-cafe\u0301' })
    t.equal(response.statusCode, 200)
  })

  t.test('unknown fields and wrong types are refused', async (t) => {
    t.match((await login({ remember: true })).json(), { details: { field: 'remember' } })
    t.equal((await login({ password: null })).statusCode, 400)
    t.equal((await login({ password: '' })).statusCode, 400)
    t.equal((await login({ password: 'x'.repeat(129) })).statusCode, 400)
  })

  t.test('a session remembers the device in plain characters', async (t) => {
    await app.inject({
      method: 'POST',
      url: '/identity/login',
      headers: { 'user-agent': `Browser \u00e9\t${'x'.repeat(400)}` },
      payload: { email: PERSON.email, password: PERSON.password },
    })
    const { rows } = await sql<{ device: string }>`
      select device from sessions order by created_at desc limit 1`.execute(db)
    t.match(rows[0]?.device, /^Browser x{192}$/)
  })
})

t.test(
  'when every place is taken, logins and registrations get 503 and a time to come back',
  async (t) => {
    const { permits, register, login } = await startIdentity(t, { concurrency: 1, queueMax: 0 })
    await register({})
    const gate = Promise.withResolvers<void>()
    const busy = permits.run(() => gate.promise)
    const refused = [
      await login({}),
      await login({ email: 'unknown@example.org' }),
      await register({ email: 'new@example.org' }),
    ]
    for (const response of refused) {
      t.equal(response.statusCode, 503)
      t.match(response.json(), { code: 'identity.too_busy' })
      t.equal(response.headers['retry-after'], '2')
    }
    gate.resolve()
    await busy
    t.equal((await login({})).statusCode, 200, 'afterwards there is room again')
  },
)

t.test('a client that hangs up keeps its place until its hash is done', async (t) => {
  const { app, permits, register } = await startIdentity(t, { concurrency: 1, queueMax: 5 })
  await register({})
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/identity/login`
  const gate = Promise.withResolvers<void>()
  const busy = permits.run(() => gate.promise)
  const leave = new AbortController()
  const calls = Array.from({ length: 5 }, () =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: PERSON.email, password: PERSON.password }),
      signal: leave.signal,
    }).catch(() => 'gone'),
  )
  await waitFor('five logins to wait', () => permits.waiting === 5)
  leave.abort()
  t.same(new Set(await Promise.all(calls)), new Set(['gone']))
  t.same([permits.active, permits.waiting], [1, 5], 'no client listens, every place is still taken')
  gate.resolve()
  await busy
  await waitFor('the hashes to be done', () => permits.active === 0 && permits.waiting === 0)
})

t.test('POST /identity/token/refresh', async (t) => {
  const { app, db, register, login, refresh } = await startIdentity(t)
  await register({})
  const loggedIn = async () => (await login({})).json() as { token: string; refreshToken: string }
  const validate = async (token: string) =>
    (await app.inject({ url: '/identity/validate', headers: { authorization: `Bearer ${token}` } }))
      .statusCode
  const useLongAgo = (refreshToken: string) =>
    sql`update refresh_tokens set used_at = used_at - interval '1 minute'
         where digest = ${digestOf(refreshToken)}`.execute(db)

  t.test(
    'a refresh token gives a token of the same session and the next refresh token',
    async (t) => {
      const first = await loggedIn()
      const response = await refresh(first.refreshToken)
      t.equal(response.statusCode, 200)
      const next = response.json()
      t.not(next.refreshToken, first.refreshToken)
      t.equal(decode(next.token).claims.sid, decode(first.token).claims.sid)
      t.equal(await validate(next.token), 200)
      t.equal((await refresh(next.refreshToken)).statusCode, 200)
    },
  )

  t.test('a refresh proves nothing: its token says when and how the login was', async (t) => {
    const first = await loggedIn()
    const { sid } = decode(first.token).claims
    await sql`update sessions set authenticated_at = to_timestamp(1000000), methods = '{pwd,otp}'
               where id = ${sid}`.execute(db)
    const next = (await refresh(first.refreshToken)).json()
    t.match(decode(next.token).claims, { sid, auth_time: 1_000_000, amr: ['pwd', 'otp'] })
  })

  t.test('parallel refreshes with one token get one and the same successor', async (t) => {
    const { refreshToken } = await loggedIn()
    // The token is used in an hour, so its grace lasts for as long as the refreshes take.
    await sql`create function delay_use() returns trigger language plpgsql as
      $$ begin new.used_at = new.used_at + interval '1 hour'; return new; end $$`.execute(db)
    await sql`create trigger delay_use before update of used_at on refresh_tokens
      for each row execute function delay_use()`.execute(db)
    const responses = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)))
    t.ok(responses.every((response) => response.statusCode === 200))
    t.equal(new Set(responses.map((response) => response.json().refreshToken)).size, 1)
    await sql`drop trigger delay_use on refresh_tokens`.execute(db)
  })

  t.test('a replay after the grace ends the session for the thief and for the owner', async (t) => {
    const stolen = await loggedIn()
    const owner = (await refresh(stolen.refreshToken)).json()
    await useLongAgo(stolen.refreshToken)
    const replay = await refresh(stolen.refreshToken)
    t.equal(replay.statusCode, 401)
    t.match(replay.json(), { code: 'identity.invalid_refresh_token' })
    t.equal((await refresh(owner.refreshToken)).statusCode, 401, 'the whole family is gone')
    t.equal(await validate(owner.token), 401, 'and its access tokens')
    const { rows } = await sql<{ revoked_reason: string }>`
      select revoked_reason from sessions where id = ${decode(owner.token).claims.sid}`.execute(db)
    t.equal(rows[0]?.revoked_reason, 'refresh_token_replayed')
    t.equal(await validate((await loggedIn()).token), 200, 'other sessions go on')
  })

  t.test('an expired, unknown or foreign refresh token is refused', async (t) => {
    const expired = await loggedIn()
    await sql`update refresh_tokens set expires_at = clock_timestamp()
               where digest = ${digestOf(expired.refreshToken)}`.execute(db)
    for (const token of [expired.refreshToken, 'x', 'A'.repeat(43), expired.token.slice(0, 128)]) {
      const response = await refresh(token)
      t.equal(response.statusCode, 401)
      t.match(response.json(), { code: 'identity.invalid_refresh_token' })
    }
    t.equal((await refresh(5)).statusCode, 400)
  })

  t.test('a suspended user cannot refresh', async (t) => {
    const { refreshToken } = await loggedIn()
    await sql`update users set status = 'suspended'`.execute(db)
    t.equal((await refresh(refreshToken)).statusCode, 401)
    await sql`update users set status = 'active'`.execute(db)
    t.equal((await refresh(refreshToken)).statusCode, 200, 'and can again when reinstated')
  })

  t.test('a refresh token never outlives its session', async (t) => {
    const { token, refreshToken } = await loggedIn()
    await sql`update sessions set expires_at = clock_timestamp() + interval '1 hour'
               where id = ${decode(token).claims.sid}`.execute(db)
    const next = (await refresh(refreshToken)).json().refreshToken
    const { rows } = await sql<{ fits: boolean }>`
      select r.expires_at <= s.expires_at as fits from refresh_tokens r
        join sessions s on s.id = r.session_id where r.digest = ${digestOf(next)}`.execute(db)
    t.equal(rows[0]?.fits, true)
  })
})

t.test('POST /identity/logout ends this session and no other, at once', async (t) => {
  const { app, register, login, refresh } = await startIdentity(t)
  await register({})
  const here = (await login({})).json()
  const elsewhere = (await login({})).json()
  const call = (method: 'GET' | 'POST', url: string, token: string) =>
    app.inject({ method, url, headers: { authorization: `Bearer ${token}` } })
  t.equal((await call('POST', '/identity/logout', here.token)).statusCode, 204)
  t.equal((await call('GET', '/identity/validate', here.token)).statusCode, 401)
  t.equal((await refresh(here.refreshToken)).statusCode, 401)
  t.equal((await call('GET', '/identity/validate', elsewhere.token)).statusCode, 200)
  t.equal((await call('POST', '/identity/logout', here.token)).statusCode, 204, 'twice is fine')
  t.equal((await app.inject({ method: 'POST', url: '/identity/logout' })).statusCode, 401)
})
