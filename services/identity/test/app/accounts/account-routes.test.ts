import { sql } from 'kysely'
import t from 'tap'
import { PERSON, startIdentity } from '#test/helper.ts'

t.test('POST /identity/register', async (t) => {
  const { app, db, register } = await startIdentity(t)

  t.test('a registration answers id, name and e-mail and nothing else', async (t) => {
    const response = await register({ email: 'First@Example.org' })
    t.equal(response.statusCode, 201)
    t.match(response.json(), { name: PERSON.name, email: 'First@Example.org' })
    t.same(Object.keys(response.json()).sort(), ['email', 'id', 'name'])
    t.match(response.json().id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/, 'a UUID of version 7')
    t.equal(response.headers['cache-control'], 'no-store')
  })

  t.test('an address is taken once, in whatever case it is written', async (t) => {
    const { id } = (await register({ email: 'twice@example.org' })).json()
    const again = await register({ email: 'TWICE@example.ORG' })
    t.equal(again.statusCode, 201, 'the answer shows nothing')
    const { rows } = await sql`
      select id from users where email_normalised = 'twice@example.org'`.execute(db)
    t.same(rows, [{ id }])
  })

  t.test('of parallel registrations of one address one wins', async (t) => {
    const responses = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        register({ email: index % 2 === 0 ? 'race@example.org' : 'Race@example.org' }),
      ),
    )
    const codes = responses.map((response) => response.statusCode)
    t.same(codes, Array(12).fill(201))
    const { rows } = await sql<{ count: bigint }>`
      select count(*) from outbox where events::text like '%ace@example.org%'`.execute(db)
    t.equal(rows[0]?.count, 1n, 'one event for one account')
  })

  t.test('a new account is an ordinary active user with an argon2id hash', async (t) => {
    await register({ email: 'plain@example.org' })
    const { rows } = await sql<Record<string, unknown>>`
      select roles, status, version, email_verified_at, password_hash
        from users where email_normalised = 'plain@example.org'`.execute(db)
    t.match(rows[0], {
      roles: ['user'],
      status: 'active',
      version: 1,
      email_verified_at: null,
      password_hash: /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/,
    })
  })

  const refused: [string, Record<string, unknown>, string, string][] = [
    [
      'seven characters of password',
      { password: '1234567' },
      'identity.invalid_password',
      'password',
    ],
    [
      '129 characters of password',
      { password: 'x'.repeat(129) },
      'identity.invalid_password',
      'password',
    ],
    [
      'half a character in the password',
      { password: '12345678\ud800' },
      'request.invalid_body',
      'password',
    ],
    ['a password that is a number', { password: 12345678 }, 'request.invalid_body', 'password'],
    ['no e-mail address', { email: 'ann' }, 'identity.invalid_email', 'email'],
    ['a blank in the address', { email: 'an n@example.org' }, 'identity.invalid_email', 'email'],
    [
      'an address with a look-alike letter',
      { email: 'mi\u212ae@example.org' },
      'identity.invalid_email',
      'email',
    ],
    ['an address in a list', { email: ['ann@example.org'] }, 'request.invalid_body', 'email'],
    [
      'an address of 255 characters',
      { email: `${'a'.repeat(243)}@example.org` },
      'request.invalid_body',
      'email',
    ],
    ['a blank name', { name: '   ' }, 'identity.invalid_name', 'name'],
    ['a control character in the name', { name: 'a\u0000b' }, 'identity.invalid_name', 'name'],
    ['81 characters of name', { name: 'x'.repeat(81) }, 'identity.invalid_name', 'name'],
    ['a name that is null', { name: null }, 'request.invalid_body', 'name'],
    ['an unknown field', { roles: ['admin'] }, 'request.invalid_body', 'roles'],
  ]
  for (const [what, override, code, field] of refused) {
    t.test(`${what} is refused with the field's name`, async (t) => {
      const response = await register({ email: 'refused@example.org', ...override })
      t.equal(response.statusCode, 400)
      t.match(response.json(), { code, details: { field } })
      t.match(response.json().traceId, /^[0-9a-f]{32}$/)
    })
  }

  t.test('a missing field is refused with its name', async (t) => {
    const { email, name } = PERSON
    const response = await app.inject({
      method: 'POST',
      url: '/identity/register',
      payload: { email, name },
    })
    t.match(response.json(), { code: 'request.invalid_body', details: { field: 'password' } })
  })

  t.test(
    'a body over 4 KB, another content type, bad JSON and __proto__ are refused',
    async (t) => {
      const send = (contentType: string, payload: string) =>
        app.inject({
          method: 'POST',
          url: '/identity/register',
          headers: { 'content-type': contentType },
          payload,
        })
      t.equal(
        (await send('application/json', JSON.stringify({ name: 'x'.repeat(4_096) }))).statusCode,
        413,
      )
      t.equal((await send('text/plain', '{}')).statusCode, 415)
      t.equal((await send('application/x-www-form-urlencoded', 'a=b')).statusCode, 415)
      t.equal((await send('application/json', '{"name":')).statusCode, 400)
      t.equal((await send('application/json', '{"__proto__":{"roles":["admin"]}}')).statusCode, 400)
    },
  )
})

t.test('GET /identity/me answers the account as it is stored now', async (t) => {
  const { app, db, register, login } = await startIdentity(t)
  const { id } = (await register({})).json()
  const { token } = (await login({})).json()
  await sql`update users set name = 'Renamed', roles = '{user,seller}' where id = ${id}`.execute(db)
  const response = await app.inject({
    url: '/identity/me',
    headers: { authorization: `Bearer ${token}` },
  })
  t.equal(response.statusCode, 200)
  const { createdAt, ...rest } = response.json()
  t.same(rest, {
    id,
    name: 'Renamed',
    email: PERSON.email,
    emailVerified: false,
    twoFactorEnabled: false,
    roles: ['user', 'seller'],
  })
  t.match(createdAt, /Z$/)
  t.equal(response.headers['cache-control'], 'no-store')
})

t.test('the API describes itself', async (t) => {
  const { app } = await startIdentity(t)
  const document = (await app.inject('/identity/openapi.json')).json()
  t.match(document.openapi, /^3\.1/)
  t.same(Object.keys(document.paths).sort(), [
    '/api/v1/user-profiles/{id}',
    '/api/v1/user-profiles/{id}/change-profile-photo',
    '/api/v1/user-profiles/{id}/photo',
    '/identity/.well-known/jwks.json',
    '/identity/2fa/challenge',
    '/identity/2fa/challenge/passkey',
    '/identity/2fa/disable',
    '/identity/2fa/enable',
    '/identity/2fa/recovery-codes',
    '/identity/2fa/verify',
    '/identity/deletion',
    '/identity/deletion/withdraw',
    '/identity/email/change',
    '/identity/email/confirm',
    '/identity/email/verify',
    '/identity/login',
    '/identity/logout',
    '/identity/logout/everywhere',
    '/identity/me',
    '/identity/me/seller-terms',
    '/identity/passkeys',
    '/identity/passkeys/login/options',
    '/identity/passkeys/login/verify',
    '/identity/passkeys/register/options',
    '/identity/passkeys/register/verify',
    '/identity/passkeys/{id}',
    '/identity/password/change',
    '/identity/password/forgot',
    '/identity/password/reset',
    '/identity/reauthenticate',
    '/identity/reauthenticate/passkey',
    '/identity/register',
    '/identity/seller-terms',
    '/identity/sessions',
    '/identity/sessions/{id}',
    '/identity/token/refresh',
    '/identity/users',
    '/identity/users/{id}',
    '/identity/users/{id}/reinstate',
    '/identity/users/{id}/roles/{role}',
    '/identity/users/{id}/suspend',
    '/identity/validate',
  ])
  t.equal((await app.inject('/identity/docs/')).statusCode, 200)
})
