import { createHmac, randomUUID } from 'node:crypto'
import { createSigner } from 'fast-jwt'
import type { FastifyContextConfig, FastifyRequest } from 'fastify'
import t from 'tap'
import { Type } from 'typebox'
import type { AuthOptions } from '#src/http/auth.ts'
import { defineError, serviceUnavailable } from '#src/http/errors.ts'
import type { JwksCache } from '#src/http/jwks.ts'
import type { Teardown } from '#src/testing/database.ts'
import { createTestIdentity } from '#src/testing/tokens.ts'
import { buildToy, listen, sendRaw } from '#test/helper.ts'

const SUE = '0190a0a0-0000-7000-8000-000000000001'
const BOB = '0190a0a0-0000-7000-8000-000000000002'
const unauthenticated = defineError('toy.unauthenticated', 'Log in first.', 401)
const nowSeconds = () => Math.floor(Date.now() / 1000)

async function buildGuarded(t: Teardown, jwks?: JwksCache) {
  const identity = createTestIdentity()
  const { issuer, internalSecret } = identity
  const auth = { issuer, internalSecret, jwks: jwks ?? identity.jwks, unauthenticated }
  const toy = await buildToy(t, { auth })
  for (const mode of ['public', 'optional', 'bearer', 'service'] as const)
    toy.app.get(`/${mode}`, { config: { auth: mode, access: 'any' } }, ({ caller }) => ({ caller }))
  const ask = (url: string, token?: string, headers: Record<string, string | string[]> = {}) =>
    toy.app.inject({
      url,
      headers: token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` },
    })
  return { ...toy, identity, ask }
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

t.test('a bearer route knows its caller from the token', async (t) => {
  const { ask, identity } = await buildGuarded(t)
  const sid = randomUUID()
  const token = identity.token(SUE, { sid, name: 'Sue', email: 's@x.test', roles: ['admin', 7] })
  const expected = {
    id: SUE,
    email: 's@x.test',
    name: 'Sue',
    roles: ['admin', '7'],
    sessionId: sid,
  }
  t.strictSame((await ask('/bearer', token)).json(), { caller: expected })
  t.strictSame((await ask('/bearer', token)).json(), { caller: expected }, 'from memory too')
})

t.test('a token that is not exactly right opens nothing', async (t) => {
  const { ask, identity } = await buildGuarded(t)
  const good = identity.token(SUE)
  const [head = '', body = '', signature = ''] = good.split('.')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
  const hmac = (secret: string) => {
    const content = `${encode({ alg: 'HS256', kid: 'test-key' })}.${body}`
    return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`
  }
  const publicPem = await identity.jwks.publicKey('test-key')
  const cases: Record<string, string> = {
    'no algorithm': `${encode({ alg: 'none', kid: 'test-key' })}.${body}.`,
    'no algorithm, old signature': `${encode({ alg: 'none', kid: 'test-key' })}.${body}.${signature}`,
    'the public key as a secret': hmac(publicPem),
    'the secret between services': hmac(identity.internalSecret),
    'a key of another signer': createTestIdentity().token(SUE),
    'an unknown key': `${encode({ alg: 'EdDSA', kid: 'other' })}.${body}.${signature}`,
    'no key': `${encode({ alg: 'EdDSA' })}.${body}.${signature}`,
    'other claims': `${head}.${encode({ ...claims, sub: BOB })}.${signature}`,
    'a past end': identity.token(SUE, { exp: nowSeconds() - 1 }),
    'no end': identity.token(SUE, { exp: undefined }),
    'an end that is a text': identity.token(SUE, {
      iss: 'auction-identity',
      nbf: nowSeconds() + 60,
    }),
    'another issuer': identity.token(SUE, { iss: 'another' }),
    'no issuer': identity.token(SUE, { iss: undefined }),
    'another audience': identity.token(SUE, { aud: 'mfa' }),
    'no audience': identity.token(SUE, { aud: undefined }),
    'no session': identity.token(SUE, { sid: undefined }),
    'a session that is no text': identity.token(SUE, { sid: 5 }),
    'a user that is no id': identity.token("' or true --"),
    'a token between services': identity.serviceToken('toy'),
    'more than 4 KB': identity.token(SUE, { padding: 'x'.repeat(4_096) }),
    'no signature': `${head}.${body}.`,
    'two parts': `${head}.${body}`,
    'five parts': `${good}.AA.AA`,
  }
  for (const [title, token] of Object.entries(cases)) {
    for (const url of ['/bearer', '/optional', '/service']) {
      // The one token that a service route is there for.
      if (url === '/service' && title === 'a token between services') continue
      const response = await ask(url, token)
      t.equal(response.statusCode, 401, `${url}: ${title}`)
      t.match(response.json(), { code: 'toy.unauthenticated' })
    }
    t.equal((await ask('/public', token)).statusCode, 200, 'a public route does not look')
  }
  for (const authorization of [good, `Basic ${good}`, `Bearer  ${good}`, `Bearer ${good} x`, ''])
    t.equal((await ask('/bearer', undefined, { authorization })).statusCode, 401, authorization)
  t.equal((await ask('/bearer')).statusCode, 401)
})

t.test('an optional route takes no token and a good token, but no bad token', async (t) => {
  const { ask, identity } = await buildGuarded(t)
  t.strictSame((await ask('/optional')).json(), { caller: null })
  t.match((await ask('/optional', identity.token(SUE))).json(), { caller: { id: SUE } })
  t.equal((await ask('/optional', 'rubbish')).statusCode, 401)
  t.strictSame((await ask('/optional', undefined, { 'x-user-id': SUE })).json(), { caller: null })
  t.strictSame((await ask('/public', identity.token(SUE))).json(), { caller: null })
})

t.test(
  'seed bug 19: an identity header is never believed, and one that differs is refused',
  async (t) => {
    const { app, ask, identity } = await buildGuarded(t)
    const token = identity.token(SUE)
    t.equal((await ask('/bearer', undefined, { 'x-user-id': SUE })).statusCode, 401)
    t.equal((await ask('/bearer', token, { 'x-user-id': SUE })).statusCode, 200)
    for (const forged of [BOB, '', SUE.toUpperCase(), `${SUE} `, `${SUE}, ${BOB}`])
      t.equal((await ask('/bearer', token, { 'x-user-id': forged })).statusCode, 401, forged)
    const port = await listen(app)
    const twice = await sendRaw(
      port,
      `GET /bearer HTTP/1.1\r\nhost: toys\r\nconnection: close\r\nauthorization: Bearer ${token}\r\nx-user-id: ${SUE}\r\nx-user-id: ${BOB}\r\n\r\n`,
    )
    t.match(twice, /^HTTP\/1\.1 401 /)
  },
)

t.test('what is remembered of one token is never the answer to another', async (t) => {
  const { ask, identity } = await buildGuarded(t)
  const tokens = [SUE, BOB].flatMap((id) =>
    Array.from({ length: 20 }, (_, count) => ({
      id,
      token: identity.token(id, { name: String(count) }),
      name: String(count),
    })),
  )
  for (let round = 0; round < 2; round += 1) {
    const answers = await Promise.all(tokens.map(({ token }) => ask('/bearer', token)))
    for (const [index, { id, name }] of tokens.entries())
      t.match(answers[index]?.json(), { caller: { id, name } })
  }
  const [first] = tokens
  const forged = `${first?.token.slice(0, -4)}AAAA`
  t.equal((await ask('/bearer', forged)).statusCode, 401, 'nor is a token like a known one')
})

t.test('a token that is remembered stops working when it expires', async (t) => {
  const { ask, identity } = await buildGuarded(t)
  const exp = nowSeconds() + 600
  const token = identity.token(SUE, { exp })
  const statusOf = async () => (await ask('/bearer', token)).statusCode
  t.equal(await statusOf(), 200)
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => exp * 1_000 - 1
  t.equal(await statusOf(), 200, 'not before')
  Date.now = () => exp * 1_000 + 1
  t.equal(await statusOf(), 401)
})

t.test('a token that is remembered stops working when its key is retired', async (t) => {
  const identity = createTestIdentity()
  let state: 'known' | 'retired' | 'unreachable' = 'known'
  const jwks: JwksCache = {
    async publicKey(kid) {
      if (state === 'unreachable') throw serviceUnavailable()
      if (state === 'retired') throw new Error('unknown signing key')
      return identity.jwks.publicKey(kid)
    },
  }
  const { app } = await buildToy(t, { auth: { ...identity, jwks, unauthenticated } })
  app.get('/bearer', { config: { auth: 'bearer', access: 'any' } }, () => 'fine')
  const headers = { authorization: `Bearer ${identity.token(SUE)}` }
  const ask = async () => (await app.inject({ url: '/bearer', headers })).statusCode
  t.equal(await ask(), 200)
  state = 'retired'
  t.equal(await ask(), 401)
  state = 'unreachable'
  t.equal(await ask(), 503, 'it is unknown whether it is good')
  state = 'known'
  t.equal(await ask(), 200)
})

t.test('a service route takes tokens made for this service and no others', async (t) => {
  const { ask, identity } = await buildGuarded(t)
  const sign = (claims: object, expiresIn = 30_000) =>
    createSigner({ key: identity.internalSecret, algorithm: 'HS256', expiresIn })({ ...claims })
  t.equal((await ask('/service', identity.serviceToken('toy'))).statusCode, 200)
  const bad: Record<string, string> = {
    'for another service': identity.serviceToken('bid'),
    'for the public API': sign({ sub: 'bid', aud: 'api' }),
    'without audience': sign({ sub: 'bid' }),
    'without subject': sign({ aud: 'internal:toy' }),
    'by another secret': createTestIdentityWith('another secret of at least 32 characters'),
    'of a person': identity.token(SUE),
    'without an end': createSigner({ key: identity.internalSecret, algorithm: 'HS256' })({
      sub: 'bid',
      aud: 'internal:toy',
    }),
  }
  for (const [title, token] of Object.entries(bad))
    t.equal((await ask('/service', token)).statusCode, 401, title)
  t.equal((await ask('/service')).statusCode, 401)
  t.equal((await ask('/bearer', identity.serviceToken('toy'))).statusCode, 401)
})

function createTestIdentityWith(secret: string): string {
  return createSigner({ key: secret, algorithm: 'HS256', expiresIn: 30_000 })({
    sub: 'bid',
    aud: 'internal:toy',
  })
}

t.test(
  'keys that cannot be fetched are a 503: a good session must not be thrown away',
  async (t) => {
    const jwks: JwksCache = {
      async publicKey() {
        throw serviceUnavailable()
      },
    }
    const { ask, identity } = await buildGuarded(t, jwks)
    t.match(await ask('/bearer', identity.token(SUE)), {
      statusCode: 503,
      headers: { 'retry-after': /^[123]$/ },
    })
  },
)

t.test('an address that does not exist is a 404 with and without a token', async (t) => {
  const { ask, identity } = await buildGuarded(t)
  t.equal((await ask('/nothing')).statusCode, 404)
  t.equal((await ask('/nothing', identity.token(SUE))).statusCode, 404)
})

const forbidden = defineError('toy.forbidden', 'Only keepers do this.', 403)

async function buildRoles(t: Teardown, options: Partial<AuthOptions> = {}) {
  const { issuer, internalSecret, jwks, token } = createTestIdentity()
  const auth = { issuer, internalSecret, jwks, unauthenticated, forbidden, ...options }
  const { app } = await buildToy(t, { auth })
  const post = async (
    path: string,
    roles: string[] | undefined,
    payload: object = { count: 1 },
  ) => {
    const headers = roles === undefined ? {} : { authorization: `Bearer ${token(SUE, { roles })}` }
    const { statusCode, body } = await app.inject({ method: 'POST', url: path, headers, payload })
    return [statusCode, JSON.parse(body).code ?? body]
  }
  return { app, post }
}

const keepers = { auth: 'bearer', access: 'role', roles: ['keeper', 'admin'] } as const
const schema = { body: Type.Object({ count: Type.Integer() }) }

t.test('a role route serves callers with one of its roles, the others get its error', async (t) => {
  const { app, post } = await buildRoles(t)
  const handled: string[] = []
  const handler = (request: FastifyRequest) => {
    handled.push(request.url)
    return { id: request.user.id }
  }
  app.post('/keepers', { config: keepers, schema }, handler)
  const own = defineError('toy.locked', 'Only keepers open this.', 403)
  app.post('/locked', { config: { ...keepers, forbidden: own }, schema }, handler)
  for (const role of ['keeper', 'admin'])
    t.strictSame(await post('/keepers', ['user', role]), [200, JSON.stringify({ id: SUE })])
  handled.length = 0
  for (const roles of [[], ['user'], ['Keeper'], ['keepers']]) {
    t.strictSame(await post('/keepers', roles), [403, 'toy.forbidden'])
    t.strictSame(await post('/locked', roles), [403, 'toy.locked'])
  }
  t.strictSame(await post('/keepers', undefined), [401, 'toy.unauthenticated'])
  t.strictSame(await post('/keepers', ['user'], {}), [400, 'request.invalid_body'])
  t.strictSame(handled, [])
})

t.test('a service may know the roles of a caller better than the token', async (t) => {
  const granted = new Set<string>()
  const closed = defineError('toy.closed', 'Prove who you are.', 403)
  const { app, post } = await buildRoles(t, {
    rolesOf: async ({ user }) => {
      if (granted.size === 0) throw closed()
      return granted.has(user.id) ? ['keeper'] : []
    },
  })
  app.post('/keepers', { config: keepers }, ({ user }) => ({ id: user.id }))
  t.strictSame(await post('/keepers', ['keeper']), [403, 'toy.closed'])
  granted.add(BOB)
  t.strictSame(await post('/keepers', ['keeper']), [403, 'toy.forbidden'])
  granted.add(SUE)
  t.equal((await post('/keepers', ['user']))[0], 200)
})

t.test('a route that says too little of who may call it stops the boot', async (t) => {
  const { app } = await buildRoles(t)
  const refused = (config: FastifyContextConfig, message: RegExp) =>
    t.throws(() => app.get('/toys', { config }, () => 'hello'), message)
  refused({ auth: 'bearer' }, /^route GET \/toys declares no access$/)
  refused({ auth: 'bearer', access: 'role' }, /names no roles/)
  refused({ auth: 'bearer', access: 'role', roles: [] }, /names no roles/)
  for (const auth of ['public', 'optional', 'service'] as const)
    refused({ ...keepers, auth }, /asks for a role but not for a token/)
  const { app: without } = await buildGuarded(t)
  t.throws(() => without.get('/toys', { config: keepers }, () => 'hello'), /no error for callers/)
})

t.test('user and callingService can be read on their own kind of route only', async (t) => {
  const { app, ask, identity } = await buildGuarded(t)
  for (const auth of ['public', 'optional', 'bearer', 'service'] as const) {
    const config = { auth, access: 'own' } as const
    app.get(`/user/${auth}`, { config }, ({ user }) => user.id)
    app.get(`/service/${auth}`, { config }, ({ callingService }) => callingService)
  }
  const [token, service] = [identity.token(SUE), identity.serviceToken('toy')]
  t.equal((await ask('/user/bearer', token)).body, SUE)
  t.equal((await ask('/service/service', service)).body, 'test')
  const wrong = ['/user/public', '/user/optional', '/service/bearer', '/service/optional']
  for (const url of wrong) t.equal((await ask(url, token)).statusCode, 500, url)
  t.equal((await ask('/user/service', service)).statusCode, 500)
})
