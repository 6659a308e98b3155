import { createPrivateKey, createPublicKey } from 'node:crypto'
import { createServer } from 'node:http'
import { sql } from 'kysely'
import t from 'tap'
import { decode, type Parts, signEdDsa, signHmac, strangerKey, withSignature } from '#test/forge.ts'
import { ISSUER, PERSON, startIdentity } from '#test/helper.ts'

const PROTECTED = ['/identity/me', '/identity/validate'] as const

t.test(
  'seed bug 35: a token that is not exactly right opens nothing, the audience included',
  async (t) => {
    const { app, keys, register, login } = await startIdentity(t)
    await register({})
    const tokens = (await login({})).json()
    const good: Parts = decode(tokens.token)
    const ourKey = createPrivateKey(keys.signingKey().privatePem)
    const publicPem = createPublicKey(ourKey).export({ type: 'spki', format: 'pem' }).toString()
    const [publicJwk] = keys.publicKeys()
    const stranger = strangerKey()
    const fetched: string[] = []
    const foreignKeys = createServer((request, response) => {
      fetched.push(request.url ?? '')
      response.end(JSON.stringify({ keys: [{ ...stranger.jwk, kid: good.header.kid }] }))
    })
    await new Promise<void>((resolve) => foreignKeys.listen(0, '127.0.0.1', resolve))
    t.teardown(() => foreignKeys.close())
    const address = foreignKeys.address()
    const jku = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/jwks.json`

    const header = (change: Record<string, unknown>): Parts => ({
      ...good,
      header: { ...good.header, ...change },
    })
    const claims = (change: Record<string, unknown>): Parts => ({
      ...good,
      claims: { ...good.claims, ...change },
    })
    const nowSeconds = Math.floor(Date.now() / 1000)
    const [head = '', body = '', signature = ''] = tokens.token.split('.')
    const bad: Record<string, string> = {
      'algorithm none without a signature': withSignature(header({ alg: 'none' }), ''),
      'algorithm none with the old signature': withSignature(header({ alg: 'none' }), signature),
      'algorithm nOnE': withSignature(header({ alg: 'nOnE' }), 'AA'),
      'HS256 with the public PEM as secret': signHmac(header({ alg: 'HS256' }), publicPem),
      'HS256 with the public JWK as secret': signHmac(
        header({ alg: 'HS256' }),
        Buffer.from(publicJwk?.x ?? '', 'base64url'),
      ),
      'HS256 without a kid': signHmac(header({ alg: 'HS256', kid: undefined }), publicPem),
      'another audience': signEdDsa(claims({ aud: 'mfa' }), ourKey),
      'no audience': signEdDsa(claims({ aud: undefined }), ourKey),
      'another issuer': signEdDsa(claims({ iss: 'another' }), ourKey),
      'no issuer': signEdDsa(claims({ iss: undefined }), ourKey),
      'an expiry in the past': signEdDsa(claims({ exp: nowSeconds - 1 }), ourKey),
      'no expiry': signEdDsa(claims({ exp: undefined }), ourKey),
      'a beginning in the future': signEdDsa(claims({ nbf: nowSeconds + 60 }), ourKey),
      'no session': signEdDsa(claims({ sid: undefined }), ourKey),
      'a session that is no id': signEdDsa(claims({ sid: "' or true --" }), ourKey),
      'a session that never was': signEdDsa(
        claims({ sid: '019a0000-0000-7000-8000-000000000000' }),
        ourKey,
      ),
      'the session of another user': signEdDsa(
        claims({ sub: '019a0000-0000-7000-8000-000000000000' }),
        ourKey,
      ),
      'an unknown kid': signEdDsa(header({ kid: 'unknown-key' }), ourKey),
      'a kid that is a path': signEdDsa(header({ kid: '../../dev/null' }), ourKey),
      'no kid': signEdDsa(header({ kid: undefined }), ourKey),
      "a stranger's key under our kid": signEdDsa(good, stranger.privateKey),
      "a stranger's key and its jwk header": signEdDsa(
        header({ jwk: stranger.jwk }),
        stranger.privateKey,
      ),
      "a stranger's key and a jku header": signEdDsa(header({ jku }), stranger.privateKey),
      'changed claims under the old signature': withSignature(
        claims({ roles: ['admin'] }),
        signature,
      ),
      'a changed signature': `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      'no signature': `${head}.${body}.`,
      'two parts': `${head}.${body}`,
      'five parts, as if encrypted': `${tokens.token}.AA.AA`,
      'the refresh token': tokens.refreshToken,
      'more than 4 KB': signEdDsa(claims({ padding: 'x'.repeat(5_000) }), ourKey),
      'nothing at all': '',
    }
    const ask = (url: string, authorization?: string) =>
      app.inject({ url, headers: authorization === undefined ? {} : { authorization } })

    t.equal(
      (await ask('/identity/me', `Bearer ${signEdDsa(good, ourKey)}`)).statusCode,
      200,
      'the forge itself works',
    )
    for (const url of PROTECTED) {
      for (const [what, token] of Object.entries(bad)) {
        const response = await ask(url, `Bearer ${token}`)
        t.equal(response.statusCode, 401, `${url}: ${what}`)
        t.match(response.json(), { code: 'identity.unauthenticated' })
        t.same(
          Object.keys(response.json()).sort(),
          ['code', 'message', 'traceId'],
          'the reason stays here',
        )
        t.notOk(response.headers['x-user-id'], 'no identity beside a refusal')
      }
      for (const authorization of [
        undefined,
        '',
        tokens.token,
        `Basic ${tokens.token}`,
        `bearer  ${tokens.token}`,
        `Bearer ${tokens.token}, Bearer ${tokens.token}`,
      ]) {
        t.equal(
          (await ask(url, authorization)).statusCode,
          401,
          `${url}: header ${authorization?.slice(0, 8)}`,
        )
      }
    }
    t.same(fetched, [], 'no key was ever fetched from where a token pointed')
  },
)

t.test('an access token carries what R-SES-1 names, for ten minutes', async (t) => {
  const { keys, register, login } = await startIdentity(t)
  const { id } = (await register({})).json()
  const answer = (await login({})).json()
  t.equal(answer.expiresIn, 600)
  const { header, claims } = decode(answer.token)
  t.same(header, { alg: 'EdDSA', typ: 'JWT', kid: keys.signingKey().kid })
  t.match(claims, {
    iss: ISSUER,
    aud: 'api',
    sub: id,
    email: PERSON.email,
    name: PERSON.name,
    roles: ['user'],
    amr: ['pwd'],
  })
  t.ok(Math.abs(Number(claims.auth_time) - Number(claims.iat)) <= 5, 'the proof was just now')
  t.match(claims.sid, /^[0-9a-f-]{36}$/)
  t.match(claims.jti, /^[0-9a-f-]{36}$/)
  t.equal(Number(claims.exp) - Number(claims.iat), 600)
  t.not(decode((await login({})).json().token).claims.jti, claims.jti, 'no two tokens are one')
})

t.test('GET /identity/validate', async (t) => {
  const { app, db, register, login } = await startIdentity(t)
  const { id } = (await register({ email: 'Val@Example.org' })).json()
  const loggedIn = async () => (await login({ email: 'val@example.org' })).json().token as string
  const validate = (token: string, headers: Record<string, string> = {}) =>
    app.inject({
      url: '/identity/validate',
      headers: { authorization: `Bearer ${token}`, ...headers },
    })

  t.test('a good token gives the identity headers from the database', async (t) => {
    const token = await loggedIn()
    await sql`update users set roles = '{user,moderator}' where id = ${id}`.execute(db)
    const response = await validate(token)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['x-user-id'], id)
    t.equal(response.headers['x-user-email'], 'Val@Example.org')
    t.equal(response.headers['x-user-roles'], 'user,moderator')
    t.equal(response.headers['cache-control'], 'no-store')
  })

  t.test(
    'a revoked or expired session is refused at the next call, although the token is good',
    async (t) => {
      for (const change of [
        sql`revoked_at = clock_timestamp(), revoked_reason = 'test'`,
        sql`created_at = clock_timestamp() - interval '2 days', expires_at = clock_timestamp()`,
      ]) {
        const token = await loggedIn()
        t.equal((await validate(token)).statusCode, 200)
        await sql`update sessions set ${change} where id = ${decode(token).claims.sid}`.execute(db)
        t.equal((await validate(token)).statusCode, 401)
        const me = await app.inject({
          url: '/identity/me',
          headers: { authorization: `Bearer ${token}` },
        })
        t.equal(me.statusCode, 401)
      }
    },
  )

  t.test(
    'a suspended or deleted user is refused at the next call and let in when reinstated',
    async (t) => {
      const token = await loggedIn()
      for (const status of ['suspended', 'deleted']) {
        await sql`update users set status = ${status} where id = ${id}`.execute(db)
        t.equal((await validate(token)).statusCode, 401, status)
      }
      await sql`update users set status = 'active' where id = ${id}`.execute(db)
      t.equal((await validate(token)).statusCode, 200)
    },
  )

  t.test('a forged X-User-Id is refused, and the right one changes nothing', async (t) => {
    const token = await loggedIn()
    const stranger = '019a0000-0000-7000-8000-000000000000'
    t.equal((await validate(token, { 'x-user-id': stranger })).statusCode, 401)
    t.equal((await validate(token, { 'X-USER-ID': `${id}, ${stranger}` })).statusCode, 401)
    const same = await validate(token, { 'x-user-id': id })
    t.equal(same.statusCode, 200)
    t.equal(same.headers['x-user-id'], id)
    const withoutToken = await app.inject({
      url: '/identity/validate',
      headers: { 'x-user-id': id },
    })
    t.equal(withoutToken.statusCode, 401, 'a header alone is no user')
    const roles = await validate(token, { 'x-user-roles': 'admin' })
    t.notMatch(roles.headers['x-user-roles'], /admin/, 'roles come from the database')
  })

  t.test('parallel calls of many sessions each get their own identity', async (t) => {
    const people = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        const email = `many${index}@example.org`
        const person = (await register({ email })).json()
        return { id: person.id as string, token: (await login({ email })).json().token as string }
      }),
    )
    const [gone] = people
    await sql`update sessions set revoked_at = clock_timestamp(), revoked_reason = 'test'
               where id = ${decode(gone?.token ?? '').claims.sid}`.execute(db)
    const calls = Array.from({ length: 300 }, (_, index) => people[index % people.length])
    const responses = await Promise.all(calls.map((person) => validate(person?.token ?? '')))
    for (const [index, response] of responses.entries()) {
      const person = calls[index]
      if (person === gone) t.equal(response.statusCode, 401)
      else t.equal(response.headers['x-user-id'], person?.id)
    }
  })
})

t.test('the key set is public, cacheable and verifies a token', async (t) => {
  const { app, register, login } = await startIdentity(t)
  await register({})
  const { token } = (await login({})).json()
  const response = await app.inject('/identity/.well-known/jwks.json')
  t.equal(response.statusCode, 200)
  t.equal(response.headers['cache-control'], 'public, max-age=60')
  const { keys } = response.json()
  t.match(keys, [
    { kty: 'OKP', crv: 'Ed25519', use: 'sig', alg: 'EdDSA', kid: decode(token).header.kid },
  ])
  t.notOk('d' in keys[0], 'no private part')
})
