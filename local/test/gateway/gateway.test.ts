import { once } from 'node:events'
import { createServer, request, type ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { readRoutes } from '#src/gateway/routes.ts'
import { writeGateway } from '#src/gateway/start.ts'
import { UPSTREAMS } from '#src/service-list.ts'
import { startGateway, USER_ID } from './gateway.ts'

const BEARER = { authorization: 'Bearer good' }

t.test('every path reaches its service and no other', async (t) => {
  const gateway = await startGateway(t)
  const expected: [method: string, path: string, service: string][] = [
    ['GET', '/', 'web'],
    ['GET', '/lots/1', 'web'],
    ['POST', '/identity/login', 'identity'],
    ['GET', '/identity/.well-known/jwks.json', 'identity'],
    ['GET', '/identity/me', 'identity'],
    ['GET', '/api/v1/items', 'auction'],
    ['POST', '/api/v1/items', 'auction'],
    ['PUT', '/api/v1/items/1', 'auction'],
    ['GET', '/api/v1/items?page=2&q=a%2Fb', 'auction'],
    ['GET', '/api/v1/items-for-sale', 'web'],
    ['GET', '/api/v1/lots/1', 'bid'],
    ['POST', '/api/v1/lots/1/bids', 'bid'],
    ['GET', '/api/v1/bids', 'bid'],
    ['GET', '/api/v1/bidsomething', 'web'],
    ['GET', '/identity-cards', 'web'],
    ['GET', '/internal/v1/lots/1/terms', 'web'],
    ['GET', '/identity/../api/v1/items', 'auction'],
  ]
  for (const [method, path, service] of expected) {
    gateway.received.length = 0
    await gateway.send({ method, target: path, headers: [['Authorization', 'Bearer good']] })
    t.same(
      gateway.received.map((request) => request.service),
      [service],
      `${method} ${path}`,
    )
  }
})

t.test('every row of the table leads to its service', async (t) => {
  const gateway = await startGateway(t)
  for (const { name, service, match, methods: [method = 'GET'] = [] } of (await readRoutes())
    .routes) {
    gateway.received.length = 0
    await gateway.send({ method, target: match.path, headers: [['Authorization', 'Bearer good']] })
    t.same(
      gateway.received.map((request) => request.service),
      [service],
      name,
    )
  }
})

t.test('a method that no row expects is answered by the service, never by a page', async (t) => {
  const gateway = await startGateway(t)
  for (const method of ['OPTIONS', 'HEAD', 'DELETE', 'PATCH', 'PROPFIND']) {
    for (const path of ['/api/v1/lots/1', '/api/v1/items/1', '/api/v1/bids']) {
      await gateway.send({ method, target: path })
    }
  }
  t.notOk(gateway.received.some(({ service }) => service === 'web'))
  t.equal((await gateway.send({ method: 'PUT', target: '/' })).status, 404, 'pages take forms only')
})

t.test('identity is asked only where a caller matters', async (t) => {
  const gateway = await startGateway(t)
  for (const path of ['/', '/lots/1', '/identity/login', '/api/v1/items', '/api/v1/lots/1']) {
    t.equal((await fetch(`${gateway.url}${path}`)).status, 200)
  }
  for (const headers of [BEARER, { cookie: 'session=good' }])
    t.equal((await fetch(`${gateway.url}/assets/style.css`, { headers })).status, 200)
  await fetch(`${gateway.url}/api/v1/lots/1`, {
    headers: { cookie: 'auction_device=1; xsession=2' },
  })
  t.same(gateway.asked, [], 'not for reading, not for what pages are made of')
  await fetch(`${gateway.url}/api/v1/lots/1`, { headers: BEARER })
  await fetch(`${gateway.url}/api/v1/bids`, { headers: BEARER })
  await fetch(`${gateway.url}/api/v1/lots/1/bids`, { method: 'POST', headers: BEARER })
  t.same(gateway.asked, ['/api/v1/lots/1', '/api/v1/bids', '/api/v1/lots/1/bids'])
})

t.test("what identity says about the caller arrives, and a refusal is identity's", async (t) => {
  const gateway = await startGateway(t)
  const url = `${gateway.url}/api/v1/lots/1/bids`
  await fetch(url, { method: 'POST', headers: BEARER })
  const headers = gateway.received[0]?.headers ?? []
  t.equal(headers[headers.indexOf('X-User-Id') + 1], USER_ID)
  t.equal(headers[headers.indexOf('Authorization') + 1], 'Bearer good')
  for (const given of [{}, { authorization: 'Bearer stale' }]) {
    const refused = await fetch(url, { method: 'POST', headers: given })
    t.equal(refused.status, 401)
    t.equal(refused.headers.get('content-type'), 'application/json')
    t.match(await refused.json(), { code: 'auth.unauthenticated' })
  }
  t.equal(gateway.received.length, 1, 'a refused request goes no further')
})

t.test('a cookie becomes a token, and arrives at no service but identity and web', async (t) => {
  const gateway = await startGateway(t)
  const headers = { cookie: 'auction_device=1; session=good' }
  const seen = () => {
    const lines = gateway.received.at(-1)?.headers ?? []
    const value = (name: string) =>
      lines.findIndex((line, index) => index % 2 === 0 && line.toLowerCase() === name)
    const read = (name: string) => (value(name) < 0 ? undefined : lines[value(name) + 1])
    return { user: read('x-user-id'), token: read('authorization'), cookie: read('cookie') }
  }
  const known = { user: USER_ID, token: 'Bearer good' }
  for (const [path, expected] of [
    ['/api/v1/bids', { ...known, cookie: undefined }],
    ['/api/v1/lots/1', { ...known, cookie: undefined }],
    ['/lots/1', { ...known, cookie: headers.cookie }],
    ['/identity/me', { ...known, cookie: headers.cookie }],
    // Identity knows cookies itself.
    ['/identity/sessions', { user: undefined, token: undefined, cookie: headers.cookie }],
  ] as const) {
    t.equal((await fetch(`${gateway.url}${path}`, { headers })).status, 200, path)
    t.same(seen(), expected, path)
  }
  const ended = { cookie: 'session=ended' }
  await fetch(`${gateway.url}/api/v1/lots/1`, { headers: ended })
  t.same(seen(), { user: undefined, token: undefined, cookie: undefined }, 'a visitor')
  t.equal((await fetch(`${gateway.url}/api/v1/bids`, { headers: ended })).status, 401)
  await fetch(`${gateway.url}/webhooks/mail`, { method: 'POST', headers })
  t.same(seen(), { user: undefined, token: undefined, cookie: undefined }, 'on public rows too')
})

t.test('no client gets the token of a cookie out of the gateway', async (t) => {
  const gateway = await startGateway(t)
  for (const path of ['/identity/validate', '/identity/validate/optional', '/api/v1/lots/1', '/']) {
    for (const [name, value] of [
      ['X-Forwarded-Method', 'GET'],
      ['x-forwarded-method', 'GET'],
      ['X-Forwarded-Uri', '/'],
      ['Accept', '*/*'],
    ] as const) {
      const answer = await gateway.send({
        target: path,
        headers: [
          ['Cookie', 'session=good'],
          [name, value],
        ],
      })
      t.equal(answer.status, 200, `${path} ${name}`)
      t.notOk(answer.headers.authorization, 'no answer has a token')
      const lines = gateway.received.at(-1)?.headers ?? []
      if (path.startsWith('/identity'))
        t.notOk(
          lines.some((line) => /^x-forwarded-method$/i.test(line)),
          'not taken for the gateway',
        )
    }
  }
})

t.test('a stale token is refused even where none is needed', async (t) => {
  const gateway = await startGateway(t)
  const headers = { authorization: 'Bearer stale' }
  t.equal((await fetch(`${gateway.url}/api/v1/lots/1`, { headers })).status, 401)
  const methodless = await fetch(`${gateway.url}/api/v1/lots/1`, { method: 'DELETE', headers })
  t.equal(methodless.status, 401)
  t.same(gateway.received, [])
})

t.test('no request is let in while identity is down', async (t) => {
  const gateway = await startGateway(t)
  await gateway.stopService('identity')
  const url = `${gateway.url}/api/v1/lots/1/bids`
  const refused = await fetch(url, { method: 'POST', headers: BEARER })
  t.ok(refused.status >= 500, `${refused.status}`)
  t.same(gateway.received, [])
  t.equal((await fetch(`${gateway.url}/api/v1/lots/1`)).status, 200, 'reading goes on')
})

t.test('a service that is down is an error, not a web page', async (t) => {
  const gateway = await startGateway(t)
  await gateway.stopService('bid')
  await gateway.stopService('auction')
  for (const path of ['/api/v1/lots/1', '/api/v1/items', '/api/v1/items/1']) {
    const answer = await fetch(`${gateway.url}${path}`)
    t.ok([502, 503].includes(answer.status), `${path}: ${answer.status}`)
  }
  t.same(gateway.received, [])
  t.equal((await fetch(`${gateway.url}/`)).status, 200, 'the pages are still there')
})

t.test('what two programs could read differently is refused', async (t) => {
  const gateway = await startGateway(t)
  for (const code of ['%2f', '%2F', '%5c', '%00', '%3b', '%25', '%3f', '%23']) {
    const answer = await gateway.send({ target: `/api/v1/items/a${code}b` })
    t.equal(answer.status, 400, code)
  }
  const oversized = await gateway.send({
    target: '/',
    headers: [['X-Filler', 'x'.repeat(16 * 1024)]],
  })
  t.equal(oversized.status, 431)
  t.same(gateway.received, [])
})

t.test('forged names are refused over HTTP/2 as well', async (t) => {
  const gateway = await startGateway(t)
  const session = connectHttp2(gateway.url)
  t.teardown(() => session.destroy())
  const forged = session.request({ ':path': '/', 'x-user-id': 'forged', forwarded: 'for=forged' })
  const [headers] = await once(forged, 'response')
  t.equal(headers[':status'], 200)
  t.notMatch(JSON.stringify(gateway.received), 'forged')
  const alias = session.request({ ':path': '/', x_user_id: 'forged' })
  const [refusal] = await once(alias, 'response')
  t.equal(refusal[':status'], 400)
})

t.test('too many requests from one address get the time to come back', async (t) => {
  const routes = await readRoutes()
  const strict = { average: 1, burst: 3, period: '1h' }
  const rateClasses = { ...routes.rateClasses, auth: strict }
  const gateway = await startGateway(t, { routes: { ...routes, rateClasses } })
  const statuses: number[] = []
  for (let count = 0; count < 4; count += 1) {
    statuses.push((await fetch(`${gateway.url}/identity/login`, { method: 'POST' })).status)
  }
  t.same(statuses, [200, 200, 200, 429])
  const refused = await gateway.send({
    method: 'POST',
    target: '/identity/login',
    headers: [
      ['X-Forwarded-For', '203.0.113.9'],
      ['X-Real-Ip', '203.0.113.9'],
    ],
  })
  t.equal(refused.status, 429, 'another address cannot be claimed')
  t.ok(Number(refused.headers['retry-after']) > 0)
  t.equal((await fetch(`${gateway.url}/api/v1/items`)).status, 200, 'other classes go on')
})

const TRACE_ID = /^[0-9a-f]{32}$/

t.test('what the gateway itself refuses has the error body of the services', async (t) => {
  const routes = await readRoutes()
  const rateClasses = { ...routes.rateClasses, auth: { average: 1, burst: 1, period: '1h' } }
  const gateway = await startGateway(t, { routes: { ...routes, rateClasses } })
  await gateway.stopService('bid')
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${gateway.url}${path}`, init)
    return { answer, body: (await answer.json()) as Record<string, string> }
  }
  await ask('/identity/login', { method: 'POST' })
  const post = { method: 'POST' }
  const expected: [path: string, init: RequestInit, status: number, code: string][] = [
    ['/identity/login', post, 429, 'request.too_many'],
    ['/api/v1/lots/1', {}, 502, 'service.no_answer'],
    ['/api/v1/bids', { headers: BEARER }, 502, 'service.no_answer'],
    ['/', { method: 'PUT' }, 404, 'request.not_found'],
    ['/nothing', { method: 'PROPFIND' }, 404, 'request.not_found'],
  ]
  for (const [path, init, status, code] of expected) {
    const { answer, body } = await ask(path, init)
    t.equal(answer.status, status, path)
    t.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8', path)
    t.equal(answer.headers.get('cache-control'), 'no-store', path)
    t.strictSame(Object.keys(body), ['code', 'message', 'traceId'], path)
    t.equal(body.code, code, path)
    t.match(body.traceId, TRACE_ID, path)
    t.equal(Number(answer.headers.get('retry-after')) > 0, status !== 404, `${path} comes again`)
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff', path)
  }
  const head = await fetch(`${gateway.url}/api/v1/lots/1`, { method: 'HEAD' })
  t.equal(head.status, 502)
  t.equal(head.headers.get('content-type'), 'application/json; charset=utf-8', 'HEAD as well')
})

t.test('an error of the gateway belongs to the trace of its request', async (t) => {
  const gateway = await startGateway(t)
  await gateway.stopService('bid')
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const ask = async (traceparent: string) => {
    const answer = await fetch(`${gateway.url}/api/v1/lots/1`, { headers: { traceparent } })
    return ((await answer.json()) as { traceId: string }).traceId
  }
  t.equal(await ask(`00-${traceId}-b7ad6b7169203331-01`), traceId)
  for (const bad of ['00-"}-1-01', `00-${'"'.repeat(32)}-b7ad6b7169203331-01`, 'x']) {
    t.match(await ask(bad), TRACE_ID, bad)
  }
})

t.test('no one is let in while identity is down, and the answer says to come back', async (t) => {
  const gateway = await startGateway(t)
  await gateway.stopService('identity')
  const url = `${gateway.url}/api/v1/lots/1/bids`
  const answer = await fetch(url, { method: 'POST', headers: BEARER })
  t.equal(answer.status, 503)
  t.match(await answer.json(), { code: 'service.unavailable', traceId: TRACE_ID })
  t.ok(Number(answer.headers.get('retry-after')) > 0)
})

t.test('an error of a service passes as it is, with its body and its Retry-After', async (t) => {
  const refusal = JSON.stringify({ code: 'item.busy', message: 'Wait.', traceId: 'of auction' })
  const gateway = await startGateway(t, {
    handlers: {
      auction: (request, response) => {
        const [, status, type = ''] = /status=(\d+)&type=(.*)/.exec(request.url ?? '') ?? []
        response.writeHead(Number(status), { 'content-type': type, 'retry-after': '899' })
        response.end(refusal)
      },
    },
  })
  for (const type of ['application/json', 'text/html']) {
    for (const status of [400, 404, 409, 413, 422, 429, 500, 502, 503, 504]) {
      const answer = await fetch(`${gateway.url}/api/v1/items?status=${status}&type=${type}`)
      t.equal(answer.status, status)
      t.equal(answer.headers.get('retry-after'), '899', `${status} ${type}`)
      t.equal(answer.headers.get('content-type'), type)
      t.equal(await answer.text(), refusal)
    }
  }
})

t.test('events of a stream arrive one by one', async (t) => {
  const streams: ServerResponse[] = []
  const gateway = await startGateway(t, {
    handlers: {
      auction: (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write('data: first\n\n')
        streams.push(response)
      },
    },
  })
  // As EventSource does.
  const headers = { accept: 'text/event-stream' }
  const { body } = await fetch(`${gateway.url}/api/v1/items/events`, { headers })
  if (body === null) throw new Error('no stream came')
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  // The service sends the second event only after the first one has arrived.
  t.equal((await reader.read()).value, 'data: first\n\n')
  streams[0]?.end('data: second\n\n')
  t.equal((await reader.read()).value, 'data: second\n\n')
  t.ok((await reader.read()).done)
})

const ONLY_LINUX = process.platform === 'linux' ? {} : { skip: '127.0.0.2 is Linux only' }

t.test('one user is limited however many addresses they come from', ONLY_LINUX, async (t) => {
  const routes = await readRoutes()
  const rateClasses = { ...routes.rateClasses, write: { average: 1, burst: 3, period: '1h' } }
  const gateway = await startGateway(t, { routes: { ...routes, rateClasses } })
  const from = async (localAddress: string) => {
    const headers = { authorization: 'Bearer good' }
    const url = `${gateway.url}/api/v1/lots/1/bids`
    const sent = request(url, { method: 'POST', localAddress, headers }).end()
    const [answer] = await once(sent, 'response')
    answer.resume()
    return answer.statusCode
  }
  const first = [await from('127.0.0.1'), await from('127.0.0.1')]
  const second = [await from('127.0.0.2'), await from('127.0.0.2')]
  t.same([...first, ...second], [200, 200, 200, 429])
})

t.test('a long answer is compressed for a client that can read that', async (t) => {
  const gateway = await startGateway(t)
  const target = `${gateway.url}/api/v1/items?q=${'a'.repeat(3_000)}`
  const answer = await fetch(target, { headers: { 'accept-encoding': 'gzip' } })
  t.equal(answer.headers.get('content-encoding'), 'gzip')
  t.match(await answer.json(), { service: 'auction' })
})

t.test('a service gets the address of the connection and nothing that was claimed', async (t) => {
  const gateway = await startGateway(t)
  const claims: [string, string][][] = [
    [],
    [['X-Forwarded-For', '203.0.113.9']],
    [
      ['X-Forwarded-For', '203.0.113.9'],
      ['x-forwarded-for', '203.0.113.10'],
    ],
    [
      ['X-Forwarded-For', '203.0.113.9'],
      ['Connection', 'X-Forwarded-For, close'],
    ],
    [
      ['Forwarded', 'for=203.0.113.9'],
      ['X-Real-Ip', '203.0.113.9'],
    ],
  ]
  for (const headers of claims) {
    gateway.received.length = 0
    await gateway.send({ method: 'POST', target: '/identity/login', headers })
    const [request] = gateway.received
    const said = (request?.headers ?? []).map((text) => text.toLowerCase())
    const forwarded = said.flatMap((name, index) =>
      name === 'x-forwarded-for' && index % 2 === 0 ? [said[index + 1]] : [],
    )
    t.same(forwarded, ['127.0.0.1'], JSON.stringify(headers))
    t.notMatch(said.join(' '), '203.0.113')
  }
})

t.test('every answer carries the security headers and keeps its own policy', async (t) => {
  const gateway = await startGateway(t)
  const answer = await fetch(`${gateway.url}/`)
  t.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  t.equal(answer.headers.get('x-frame-options'), 'DENY')
  t.equal(answer.headers.get('referrer-policy'), 'same-origin')
  t.equal(answer.headers.get('content-security-policy'), "default-src 'none'")
})

t.test('Traefik shows nothing of itself', async (t) => {
  const gateway = await startGateway(t)
  for (const path of ['/dashboard/', '/api/rawdata', '/api/http/routers', '/ping', '/metrics']) {
    gateway.received.length = 0
    await fetch(`${gateway.url}${path}`)
    t.same(
      gateway.received.map(({ service }) => service),
      ['web'],
      path,
    )
  }
})

const ONLY_IPV6 = (await hasIpv6()) ? {} : { skip: 'this machine has no ::1' }

t.test('localhost is answered on both loopback addresses', ONLY_IPV6, async (t) => {
  const gateway = await startGateway(t)
  const socket = connect(gateway.port, '::1')
  await once(socket, 'connect')
  socket.destroy()
  t.equal((await fetch(`http://[::1]:${gateway.port}/`)).status, 200)
})

async function hasIpv6(): Promise<boolean> {
  const server = createServer().listen(0, '::1')
  return once(server, 'listening').then(
    () => {
      server.close()
      return true
    },
    () => false,
  )
}

t.test('a port that is taken is named', async (t) => {
  const squatter = createServer().listen(0, '127.0.0.1')
  t.teardown(() => squatter.close())
  await once(squatter, 'listening')
  const { port } = squatter.address() as AddressInfo
  const origin = 'http://127.0.0.1:1'
  const upstreams = Object.fromEntries(UPSTREAMS.map(({ service }) => [service, [origin]]))
  await t.rejects(writeGateway({ stateDir: t.testdir(), port, upstreams }), {
    code: 'gateway.start_failed',
    message: `port ${port} on 127.0.0.1 is taken`,
  })
})
