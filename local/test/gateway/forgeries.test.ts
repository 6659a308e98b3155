import t from 'tap'
import { readRoutes } from '#src/gateway/routes.ts'
import { FORGED, type HeaderForgery, headerForgeries, pathTricks } from './forgeries.ts'
import { type RawRequest, type Received, startGateway, USER_ID } from './gateway.ts'

const TOKEN = ['Authorization', 'Bearer good'] as const

interface Target extends RawRequest {
  readonly what: string
  readonly method: string
}

const TARGETS: readonly Target[] = [
  { what: 'a page', method: 'GET', target: '/' },
  { what: 'a public interface', method: 'POST', target: '/identity/login' },
  { what: 'an optional interface', method: 'GET', target: '/api/v1/lots/1' },
  {
    what: 'an optional one, signed in',
    method: 'GET',
    target: '/api/v1/items/1',
    headers: [TOKEN],
  },
  { what: 'a method that is not listed', method: 'OPTIONS', target: '/api/v1/lots/1' },
  { what: 'a guarded interface', method: 'POST', target: '/api/v1/lots/1/bids', headers: [TOKEN] },
  { what: 'a guarded path', method: 'GET', target: '/identity/me', headers: [TOKEN] },
]

/** The forgeries are many and quick; the limit of requests has a test of its own. */
async function unlimitedRoutes() {
  const routes = await readRoutes()
  const unlimited = { average: 100_000, burst: 100_000, period: '1s' }
  const rateClasses = Object.fromEntries(
    Object.keys(routes.rateClasses).map((name) => [name, unlimited]),
  )
  return { ...routes, rateClasses }
}

t.test('no forged identity arrives at a service', async (t) => {
  const gateway = await startGateway(t, { routes: await unlimitedRoutes() })
  for (const target of TARGETS) {
    await t.test(`on ${target.what}`, async (t) => {
      for (const forgery of headerForgeries) {
        gateway.received.length = 0
        const answer = await gateway.send(forge(target, forgery))
        t.ok([200, 400].includes(answer.status), `${forgery.name}: ${answer.status}`)
        t.equal(gateway.received.length, answer.status === 200 ? 1 : 0, forgery.name)
        t.same(gateway.received.flatMap(plantedHeaders), [], forgery.name)
        if (answer.status === 200 && target.headers !== undefined) {
          t.same(valuesOf(gateway.received[0], 'x-user-id'), [USER_ID], forgery.name)
        }
      }
    })
  }
})

t.test('no request without a token places a bid', async (t) => {
  const gateway = await startGateway(t, { routes: await unlimitedRoutes() })
  for (const trick of pathTricks) {
    await gateway.send(trick)
    const placed = gateway.received.filter(({ service }) => service === 'bid')
    t.same(placed, [], trick.name)
  }
  t.equal((await gateway.send({ ...TARGETS[5], target: '/api/v1/lots/1/bids' })).status, 200)
  t.equal(gateway.received.at(-1)?.service, 'bid', 'with one, it does')
})

t.test('a second request hidden in the first one is not served', async (t) => {
  const gateway = await startGateway(t, { routes: await unlimitedRoutes() })
  const hidden = 'POST /api/v1/lots/1/bids HTTP/1.1\r\nHost: localhost\r\nX-User-Id: x\r\n\r\n'
  const twists: [string, string][] = [
    ['Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', ' chunked'],
    ['Transfer-Encoding', 'chunked, identity'],
    ['Transfer-Encoding', 'xchunked'],
    ['Transfer_Encoding', 'chunked'],
    ['Content-Length', '0'],
  ]
  for (const twist of twists) {
    const body = `0\r\n\r\n${hidden}`
    await gateway.send({ method: 'POST', target: '/identity/login', headers: [twist], body })
    const services = gateway.received.map(({ service }) => service)
    t.notOk(services.includes('bid'), twist.join(': '))
  }
})

function forge(target: Target, { headers, trailers }: HeaderForgery): RawRequest {
  return {
    ...target,
    headers: [...(target.headers ?? []), ...headers],
    ...(trailers === undefined ? {} : { trailers }),
  }
}

/** The names under which a forged value arrived, as header or trailer, but for the harmless one. */
function plantedHeaders({ headers, trailers }: Received): string[] {
  return pairsOf([...headers, ...trailers])
    .filter(([name, value]) => name !== 'X-Harmless' && value.includes(FORGED))
    .map(([name]) => name)
}

function valuesOf(received: Received | undefined, wanted: string): string[] {
  return pairsOf(received?.headers ?? [])
    .filter(([name]) => name.toLowerCase() === wanted)
    .map(([, value]) => value)
}

function pairsOf(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : [],
  )
}
