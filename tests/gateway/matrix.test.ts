import t from 'tap'
import { type Answer, createClient } from '#src/api-client.ts'
import { insist } from '#src/people.ts'
import { createPlatform } from '../test/helper.ts'
import { fillBody, fillPath, gather } from './belongings.ts'
import { createCast, renew } from './cast.ts'
import { readInstallation } from './installation.ts'
import { type Operation, readOperations } from './operations.ts'
import { badTokens } from './tokens.ts'

const installation = readInstallation(process.env)
const url = installation?.url ?? (await createPlatform(t)).platform.gatewayUrl
const ca = installation?.ca
const client = createClient({ baseUrl: url, ...(ca === undefined ? {} : { ca }) })
t.teardown(() => client.close())
const created = await createCast(client, [])
const has = await gather(client, created)
const operations = await readOperations(client)
const bearer = operations.filter(({ auth }) => auth === 'bearer')
const ANY_STATUS = Array.from({ length: 500 }, (_, index) => index + 100).filter(
  (status) => status !== 429 && status !== 503,
)

/** Sends until the gateway's limit of requests lets it through. */
function send(operation: Operation, token?: string, belongings = has): Promise<Answer> {
  const body = fillBody(operation, belongings)
  return insist(client, operation.method, fillPath(operation, belongings), {
    ...(token === undefined ? {} : { token }),
    ...(body === undefined ? {} : { body }),
    accept: ANY_STATUS,
  })
}

t.test('every route says who may call it, and its document asks for a token by that', async (t) => {
  t.ok(operations.length > 50, `${operations.length} operations`)
  for (const { name, auth, access, asksForToken, mayHaveToken } of operations) {
    t.ok(['public', 'optional', 'bearer'].includes(String(auth)), `${name}: ${auth}`)
    t.equal(asksForToken, auth === 'bearer', `${name} asks for a token`)
    t.equal(mayHaveToken, auth !== 'public', `${name} may have a token`)
    const known = ['own', 'owner', 'role', 'any'].includes(String(access))
    t.equal(known, auth === 'bearer', `${name}: access ${access}`)
    if (auth !== 'bearer') continue
    // What is reached by an id alone has an owner, unless it is for all or for a role. A month is no id.
    if (access === 'own') t.notMatch(name, /\{(?!month\})/, `${name} names nothing foreign`)
  }
})

// A change that opens a route to all says so here as well, since no test can know that it was meant.
const PUBLIC = [
  'GET /api/v1/billing/fees',
  'GET /api/v1/notifications/push-key',
  'GET /api/v1/notifications/unsubscribe',
  'GET /api/v1/user-profiles/{id}/photo',
  'GET /identity/.well-known/jwks.json',
  'GET /identity/deletion',
  'GET /identity/seller-terms',
  'POST /api/v1/notifications/unsubscribe',
  'POST /identity/2fa/challenge',
  'POST /identity/2fa/challenge/passkey',
  'POST /identity/deletion/withdraw',
  'POST /identity/email/confirm',
  'POST /identity/email/verify',
  'POST /identity/login',
  'POST /identity/passkeys/login/options',
  'POST /identity/passkeys/login/verify',
  'POST /identity/password/forgot',
  'POST /identity/password/reset',
  'POST /identity/register',
  'POST /identity/token/refresh',
  'POST /webhooks/mail',
  'POST /webhooks/mail/raw',
  'POST /webhooks/payments/{provider}',
]

t.test('what is open to all is known by name, and the rest only reads', async (t) => {
  const open = operations.filter(({ auth }) => auth === 'public').map(({ name }) => name)
  t.strictSame(open.sort(), PUBLIC)
  for (const { name, method } of operations.filter(({ auth }) => auth === 'optional')) {
    t.equal(method, 'GET', name)
  }
})

// The gateway asks for a token of all below a prefix or of none, and lots are for all. So the service itself
// answers who brings none, and the gateway who brings a bad one.
const BELOW_OPTIONAL = new Set([
  'GET /api/v1/lots/{itemId}/mine',
  'GET /api/v1/lots/{itemId}/offers',
])

const isOfOrder = ({ path }: Operation) => path.startsWith('/api/v1/orders/{')

t.test('without a good token every guarded route answers 401, always the same', async (t) => {
  const tokens = await badTokens(client, (await renew(client, created)).victim)
  const atGateway = (await insist(client, 'GET', '/identity/me', { accept: [401] })).body
  for (const operation of bearer) {
    const none = await send(operation)
    t.equal(none.statusCode, 401, `${operation.name} without a token`)
    const body = BELOW_OPTIONAL.has(operation.name) ? atGateway : none.body
    for (const [kind, token] of tokens) {
      const answer = await send(operation, token)
      // Ending what has ended is no news, and shows nothing.
      if (operation.name === 'POST /identity/logout' && answer.statusCode === 204) {
        t.equal(kind, 'of a session that ended')
        continue
      }
      const { code, message } = answer.body
      const expected = { statusCode: 401, code: body.code, message: body.message }
      t.same(
        { statusCode: answer.statusCode, code, message },
        expected,
        `${operation.name} ${kind}`,
      )
    }
  }
  t.comment(`${bearer.length} guarded routes, ${tokens.size + 1} ways to have no good token`)
})

t.test('a bad token opens no optional route either', async (t) => {
  const tokens = await badTokens(client, (await renew(client, created)).victim)
  for (const operation of operations.filter(({ auth }) => auth === 'optional')) {
    for (const [kind, token] of tokens) {
      t.equal((await send(operation, token)).statusCode, 401, `${operation.name} ${kind}`)
    }
  }
})

t.test('what belongs to another user, or takes a role, is refused to a user', async (t) => {
  const { token } = (await renew(client, created)).attacker
  const guarded = bearer.filter(({ access }) => access === 'owner' || access === 'role')
  for (const operation of guarded) {
    const { statusCode, body } = await send(operation, token)
    const allowed = operation.access === 'role' ? [403] : [403, 404]
    t.ok(allowed.includes(statusCode), `${operation.name}: ${statusCode} ${body.code}`)
  }
  // An order has two owners. To no other user there is one.
  const ofOrders = guarded.filter(isOfOrder)
  t.ok(ofOrders.length > 8, `${ofOrders.length} routes of orders`)
  for (const operation of ofOrders.filter(({ access }) => access === 'owner')) {
    for (const orderId of [has.orderId, has.soldOrderId]) {
      const { statusCode, body } = await send(operation, token, { ...has, orderId })
      t.match({ statusCode, ...body }, { statusCode: 404, code: 'order.not_found' }, operation.name)
    }
  }
  t.comment(`${guarded.length} routes of owners and roles`)
})

t.test('a draft is shown to no one but its seller', async (t) => {
  const { token } = (await renew(client, created)).attacker
  const isOfItem = ({ auth, method, path }: Operation) =>
    auth === 'optional' && method === 'GET' && path.startsWith('/api/v1/items/{')
  for (const operation of operations.filter(isOfItem)) {
    t.equal((await send(operation)).statusCode, 404, `${operation.name}, no user`)
    const { statusCode } = await send(operation, token)
    t.equal(statusCode, 404, `${operation.name}, another user`)
  }
})

// The test cannot make these without a browser, a program that is called, an image store, a bidder or a payment, so their ids are of nothing.
const NOT_OWNED =
  /\/passkeys\/\{|\{imageId\}|\/bidders\/\{|\/webhook-endpoints\/\{|\/push-subscriptions\/\{|\/(payments|deposits|invoices)\/\{/

t.test('the owner is not refused, so it was the owner that was missing', async (t) => {
  const { token } = (await renew(client, created)).victim
  const owned = bearer.filter(({ access, path }) => access === 'owner' && !NOT_OWNED.test(path))
  const isLast = ({ method }: Operation) => (method === 'DELETE' ? 1 : 0)
  // What is below something else goes before it.
  owned.sort((a, b) => isLast(a) - isLast(b) || b.path.length - a.path.length)
  for (const operation of owned.filter((one) => !isOfOrder(one))) {
    const { statusCode, body } = await send(operation, token)
    t.notOk([401, 403, 404].includes(statusCode), `${operation.name}: ${statusCode} ${body.code}`)
  }
  t.comment(`${owned.length} routes of owners`)
})

t.test(
  'both sides reach their order, and what only one may do is refused to the other',
  async (t) => {
    const { token } = (await renew(client, created)).victim
    for (const operation of bearer.filter((one) => one.access === 'owner' && isOfOrder(one))) {
      const answers = await Promise.all(
        [has.orderId, has.soldOrderId].map((orderId) =>
          send(operation, token, { ...has, orderId }),
        ),
      )
      const codes = answers.map(({ statusCode, body }) => `${statusCode} ${body.code ?? ''}`)
      for (const code of codes) t.notMatch(code, /^401|order\.not_found/, operation.name)
      const refused = codes.filter((code) => code === '403 order.not_yours')
      t.ok(refused.length <= 1, `${operation.name}: ${codes.join(', ')}`)
    }
  },
)
