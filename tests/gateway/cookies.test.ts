import { randomBytes, randomUUID } from 'node:crypto'
import { UPSTREAMS } from '@auction/local/service-list.ts'
import t from 'tap'
import { type Answer, createClient } from '#src/api-client.ts'
import { insist, PASSWORD } from '#src/people.ts'
import { createPlatform } from '../test/helper.ts'
import { fillPath, gather } from './belongings.ts'
import { createCast, renew, tracesOf } from './cast.ts'
import { type Installation, readInstallation } from './installation.ts'
import { type Operation, readOperations, sample } from './operations.ts'
import { createRandom } from './random.ts'

const SEED = 20261129
const FORGERIES = 1_500
const CONNECTIONS = 16
const OWN_PAGE = { 'sec-fetch-site': 'same-origin' }

const { url, ca, direct } = readInstallation(process.env) ?? (await startOwn())
const client = createClient({ baseUrl: url, ...(ca === undefined ? {} : { ca }) })
t.teardown(() => client.close())
const cast = await createCast(client, [])
const has = await gather(client, cast)
const operations = await readOperations(client)
const { victim, attacker, secrets } = cast
const lotPath = cast.targets.find(({ name }) => name === 'a lot')?.path ?? ''

async function startOwn(): Promise<Installation> {
  const { platform } = await createPlatform(t)
  return {
    url: platform.gatewayUrl,
    direct: new Map(
      UPSTREAMS.map(({ name, service }) => [service, platform.addresses.get(name) ?? '']),
    ),
  }
}

const ANY_STATUS = Array.from({ length: 500 }, (_, index) => index + 100).filter(
  (status) => status !== 429 && status !== 503,
)

/** Sends until the gateway's limit of requests lets it through. */
const ask = (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
  insist(client, method, path, {
    headers,
    ...(body === undefined ? {} : { body }),
    accept: ANY_STATUS,
  })

const send = ({ method, body, ...operation }: Operation, headers: Record<string, string>) =>
  ask(
    method,
    fillPath({ method, body, ...operation }, has),
    headers,
    body === undefined ? undefined : sample(body),
  )

/** Name and value of the session cookie that an answer sets. */
function cookieIn({ headers }: Answer): string {
  const lines = [headers['set-cookie'] ?? []].flat()
  return lines.map((line) => /^((?:__Host-)?session=[^;]+)/.exec(line)?.[1]).find(Boolean) ?? ''
}

async function logIn(email: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await insist(client, 'POST', '/identity/login', {
    headers: { ...OWN_PAGE, ...headers },
    body: { email, password: PASSWORD, transport: 'cookie' },
    accept: [204],
  })
  return cookieIn(answer)
}

/** Who the platform takes the sender of this cookie for. */
async function userOf(headers: Record<string, string>): Promise<unknown> {
  return (await ask('GET', '/identity/me', headers)).body.id
}

const isImpersonated = (answer: Answer) => {
  const text = JSON.stringify([answer.headers, answer.body])
  return secrets.some((secret) => text.includes(secret))
}

const unsafe = operations.filter(({ auth, method }) => auth === 'bearer' && method !== 'GET')
const reads = operations.filter(({ auth, method }) => auth === 'bearer' && method === 'GET')

t.test('the cookie of the victim is the victim, at every service', async (t) => {
  const cookie = await logIn(victim.email)
  t.equal(await userOf({ cookie }), victim.id)
  const seen = await Promise.all(
    ['/identity/me', '/api/v1/bids', '/api/v1/items?mine=true'].map((path) =>
      ask('GET', path, { cookie }),
    ),
  )
  for (const secret of secrets) t.ok(JSON.stringify(seen).includes(secret), secret)
  t.ok(reads.length > 20)
  for (const operation of reads) {
    const { statusCode, headers, body } = await send(operation, { cookie })
    t.not(statusCode, 401, operation.name)
    t.notMatch(JSON.stringify([headers, body]), /eyJ[\w-]+\.eyJ/, `${operation.name}: no token`)
  }
})

t.test('what other sites and ports make a browser send changes nothing', async (t) => {
  const cookie = await logIn(victim.email)
  const before = await tracesOf(client, cast)
  const senders: Record<string, Record<string, string>> = {
    'another site': { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    'another port of this host': { 'sec-fetch-site': 'same-site', origin: 'http://localhost:1' },
    'a sandboxed frame': { 'sec-fetch-site': 'cross-site', origin: 'null' },
    'an old browser on another site': { origin: 'https://evil.example' },
    'what says nothing': {},
    'one that names another method': {
      'sec-fetch-site': 'cross-site',
      'x-forwarded-method': 'GET',
      'x-http-method-override': 'GET',
    },
  }
  t.ok(unsafe.length > 40, `${unsafe.length} operations that change something`)
  for (const [who, headers] of Object.entries(senders)) {
    for (const operation of unsafe) {
      const { statusCode, body } = await send(operation, { cookie, ...headers })
      t.equal(statusCode, 403, `${operation.name} by ${who}`)
      t.equal(body.code, 'identity.cross_site', `${operation.name} by ${who}`)
    }
    const login = { email: attacker.email, password: PASSWORD, transport: 'cookie' }
    const planted = await ask('POST', '/identity/login', headers, login)
    t.match([planted.statusCode, cookieIn(planted)], [403, ''], `no login by ${who}`)
  }
  t.strictSame(await tracesOf(client, cast), before, 'nothing was done in the name of the victim')
  t.equal(await userOf({ cookie }), victim.id, 'and the session stands')
})

t.test(`${FORGERIES} forged cookies are no one`, async (t) => {
  const cookie = await logIn(victim.email)
  const { token } = (await renew(client, cast)).victim
  const random = createRandom(SEED)
  const [name = '', secret = ''] = cookie.split(/=(.*)/s)
  const targets = [
    ...['/identity/me', '/identity/sessions', '/api/v1/bids', '/api/v1/items?mine=true'],
    ...['/api/v1/notifications', lotPath, '/', '/identity/validate'],
  ]
  const tricks: (() => string)[] = [
    () => `${name}=${randomBytes(32).toString('base64url')}`,
    () => {
      const at = Math.floor(random.next() * 42)
      const other = secret[at] === 'x' ? 'y' : 'x'
      return `${name}=${secret.slice(0, at)}${other}${secret.slice(at + 1)}`
    },
    () => `${name}=${secret.slice(0, Math.floor(random.next() * 43))}`,
    () => `${name}=${secret}${randomBytes(2).toString('hex')}`,
    () => `${cookie}; ${name}=${randomBytes(32).toString('base64url')}`,
    () => `${name}=${randomBytes(32).toString('base64url')}; ${cookie}`,
    () => `${name}=${secret.toUpperCase()}`,
    () => `${name}="${secret}"`,
    () => `${name}=${encodeURIComponent(`${secret} `)}`,
    () => `${name} =${secret}`,
    () => `x${cookie}`,
    () => `${name}=${victim.id}`,
    () => `${name}=${token}`,
    () => `${name}=${secret.split('').reverse().join('')}`,
    () => `a=${cookie}`,
    () => `$Version=1, ${cookie}`,
  ]
  let left = FORGERIES
  const found: unknown[] = []
  const statuses: Record<number, number> = {}
  const work = async () => {
    while (left > 0) {
      left -= 1
      const forged = random.pick(tricks)()
      const answer = await ask('GET', random.pick(targets), { cookie: forged })
      statuses[answer.statusCode] = (statuses[answer.statusCode] ?? 0) + 1
      if (isImpersonated(answer) || answer.statusCode >= 500) found.push([forged, answer])
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, work))
  t.comment(JSON.stringify(statuses))
  t.same(found, [], 'no one is impersonated, and nothing fails')
  t.equal(await userOf({ cookie }), victim.id)
})

t.test('a cookie beside the token of another user opens nothing', async (t) => {
  const cookie = await logIn(victim.email)
  const { token } = (await renew(client, cast)).attacker
  for (const path of ['/identity/me', '/api/v1/bids', lotPath, '/']) {
    const mixed = { cookie, authorization: `Bearer ${token}` }
    t.equal((await ask('GET', path, mixed)).statusCode, 401, path)
  }
  const ended = `${cookie.split('=')[0]}=${'A'.repeat(43)}`
  const own = { cookie: ended, authorization: `Bearer ${token}` }
  t.equal(await userOf(own), attacker.id, 'beside one that names no one the token counts')
})

t.test('a planted cookie is never the session of who logs in', async (t) => {
  const name = (await logIn(attacker.email)).split('=')[0]
  const planted = `${name}=${'P'.repeat(43)}`
  const own = await logIn(victim.email, { cookie: planted })
  t.not(own, planted)
  t.equal(await userOf({ cookie: planted }), undefined)
  const ofAttacker = await logIn(attacker.email)
  const after = await logIn(victim.email, { cookie: ofAttacker })
  t.equal(await userOf({ cookie: after }), victim.id)
  t.equal(await userOf({ cookie: ofAttacker }), undefined, 'the former session has ended')
  for (const both of [`${ofAttacker}; ${after}`, `${after}; ${ofAttacker}`])
    t.equal(await userOf({ cookie: both }), undefined, 'two at once are no one')
})

t.test('a stolen cookie is worth nothing after its owner acted', async (t) => {
  const acts: Record<string, (cookie: string) => Promise<Answer>> = {
    'logged out': (cookie) => ask('POST', '/identity/logout', { cookie, ...OWN_PAGE }),
    'logged out everywhere': (cookie) =>
      ask('POST', '/identity/logout/everywhere', { cookie, ...OWN_PAGE }),
    'proved who they are': (cookie) =>
      ask('POST', '/identity/reauthenticate', { cookie, ...OWN_PAGE }, { password: PASSWORD }),
  }
  for (const [how, act] of Object.entries(acts)) {
    const stolen = await logIn(attacker.email)
    t.equal(await userOf({ cookie: stolen }), attacker.id)
    t.equal((await act(stolen)).statusCode, 204, how)
    for (const path of ['/identity/me', '/api/v1/bids', '/api/v1/notifications'])
      t.equal((await ask('GET', path, { cookie: stolen })).statusCode, 401, `${how}: ${path}`)
    const replayed = await ask(
      'POST',
      '/api/v1/items',
      { cookie: stolen, ...OWN_PAGE, 'idempotency-key': randomUUID() },
      {},
    )
    t.equal(replayed.statusCode, 401, `${how}: replayed`)
    const visitor = await ask('GET', lotPath, { cookie: stolen })
    t.equal(visitor.statusCode, 200, 'a visitor where visitors may come')
  }
})

t.test('no service takes a cookie past the gateway', async (t) => {
  const cookie = await logIn(victim.email)
  for (const [service, address] of direct) {
    if (service === 'identity' || service === 'web') continue
    const past = createClient({ baseUrl: address })
    t.teardown(() => past.close())
    for (const operation of reads.filter((read) => read.service === service)) {
      const path = fillPath(operation, has)
      const answer = await past.request('GET', path, { headers: { cookie, ...OWN_PAGE } })
      t.equal(answer.statusCode, 401, `${service}: ${operation.name}`)
    }
  }
})
