// What `helm test` runs: the public surface through the gateway, as a client from outside sees it.
// With BID=true it also registers two people, lists an item and bids, and waits for the hammer.
import { randomUUID } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'

const { GATEWAY_URL, GATEWAY_HOST, BID } = process.env
const AUCTION_MS = 4_000
const PATIENCE_MS = 30_000
let failures = 0

const { request } = GATEWAY_URL.startsWith('https:') ? https : http

// Not fetch: it asks for the certificate of the address instead of the host's.
function call(method, path, { token, body, headers = {} } = {}) {
  const options = {
    method,
    signal: AbortSignal.timeout(15_000),
    headers: {
      ...(GATEWAY_HOST ? { host: GATEWAY_HOST } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(GATEWAY_HOST ? { servername: GATEWAY_HOST } : {}),
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, GATEWAY_URL), options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => (text += part))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          body: text.startsWith('{') ? JSON.parse(text) : text,
        }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function expect(what, isTrue, seen) {
  if (!isTrue) failures++
  console.log(`${isTrue ? 'ok' : 'not ok'} - ${what}${isTrue ? '' : `: ${JSON.stringify(seen)}`}`)
}

async function answers(what, status, method, path, options) {
  const answer = await call(method, path, options)
  expect(`${what}: ${method} ${path} answers ${status}`, answer.status === status, answer)
  return answer.body
}

async function until(what, look) {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; ) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`waited in vain for ${what}`)
}

async function person(name) {
  const email = `smoke-${randomUUID()}@example.com`
  const password = `${randomUUID()}-smoke`
  await answers(name, 201, 'POST', '/identity/register', { body: { name, email, password } })
  const { token } = await answers(name, 200, 'POST', '/identity/login', {
    body: { email, password },
  })
  return token
}

async function auction() {
  const [seller, bidder] = [await person('Seller'), await person('Bidder')]
  const endDate = new Date(Date.now() + AUCTION_MS)
  const item = await answers('seller', 201, 'POST', '/api/v1/items', {
    token: seller,
    body: {
      name: 'Smoke test',
      description: 'May be removed',
      currencyCode: 'USD',
      startPrice: '10.00',
      startDate: new Date().toISOString(),
      endDate: endDate.toISOString(),
    },
  })
  await answers('seller', 200, 'POST', `/api/v1/items/${item.id}/publish`, { token: seller })
  await until('the lot', async () =>
    (await call('GET', `/api/v1/lots/${item.id}`)).status === 200 ? true : undefined,
  )
  const bid = await answers('bidder', 201, 'POST', `/api/v1/lots/${item.id}/bids`, {
    token: bidder,
    headers: { 'idempotency-key': randomUUID() },
    body: { maxAmount: '25.00' },
  })
  expect('the bidder leads at the start price', bid.currentPrice === '10.00', bid)
  const sold = await until('the hammer', async () => {
    const { body } = await call('GET', `/api/v1/items/${item.id}`)
    return body.status === 'sold' ? body : undefined
  })
  expect('the item is sold at its price', sold.currentPrice === '10.00', sold)
}

await answers('any client', 200, 'GET', '/')
await answers('any client', 200, 'GET', '/api/v1/items')
await answers('any client', 200, 'GET', '/identity/.well-known/jwks.json')
await answers('no user', 401, 'GET', '/identity/me')
await answers('forger', 401, 'GET', '/identity/me', { headers: { 'x-user-id': randomUUID() } })
await answers('forger', 401, 'POST', `/api/v1/lots/${randomUUID()}/bids`, {
  headers: { 'x-user-id': randomUUID(), 'x-user-roles': 'admin' },
  body: { maxAmount: '1.00' },
})
if (BID === 'true') await auction()
if (failures > 0) process.exitCode = 1
