import type { RequestListener } from 'node:http'
import t from 'tap'
import { defineError } from '#src/http/errors.ts'
import { createInternalClient } from '#src/http/internal-client.ts'
import type { Teardown } from '#src/testing/database.ts'
import { createTestIdentity } from '#src/testing/tokens.ts'
import { waitFor } from '#src/testing/wait-for.ts'
import { buildToy, listen, serve } from '#test/helper.ts'

const unavailable = { code: 'service.unavailable', statusCode: 503, details: { service: 'toy' } }
const unauthenticated = defineError('toy.unauthenticated', 'Log in first.', 401)

/** The real server of a service called toy, and a client of it. */
async function startToy(t: Teardown) {
  const { issuer, jwks, internalSecret } = createTestIdentity()
  const { app, ...rest } = await buildToy(t, {
    auth: { issuer, jwks, internalSecret, unauthenticated },
  })
  app.put('/internal/v1/toys/:id', { config: { auth: 'service' } }, (request) => ({
    body: request.body,
    trace: request.trace,
    authorization: request.headers.authorization,
  }))
  app.get('/internal/v1/sold', { config: { auth: 'service' } }, () => {
    throw defineError('toy.sold', 'The toy is sold.', 409)()
  })
  const baseUrl = `http://127.0.0.1:${await listen(app)}`
  const options = {
    service: 'shop',
    target: 'toy',
    baseUrl,
    secret: internalSecret,
    timeoutMs: 60_000,
  }
  return { ...rest, options, client: createInternalClient(options) }
}

async function ask(t: Teardown, listener: RequestListener, timeoutMs = 100) {
  const baseUrl = await serve(t, listener)
  const secret = createTestIdentity().internalSecret
  return createInternalClient({
    service: 'shop',
    target: 'toy',
    baseUrl,
    secret,
    timeoutMs,
  }).request('GET', '/internal/v1/toys')
}

t.test(
  'a call carries a token of half a minute for its target, the trace and the body',
  async (t) => {
    const { client } = await startToy(t)
    const trace = {
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`,
      traceId: 'a'.repeat(32),
      correlationId: 'order-17',
    }
    const { statusCode, body } = await client.request<{
      body: unknown
      trace: unknown
      authorization: string
    }>('PUT', '/internal/v1/toys/5', { name: 'bear' }, trace)
    t.equal(statusCode, 200)
    t.match(body, { body: { name: 'bear' }, trace })
    const [, claims = ''] = body.authorization.split('.')
    const { sub, aud, exp, iat } = JSON.parse(Buffer.from(claims, 'base64url').toString())
    t.strictSame(
      { sub, aud, lifetime: exp - iat },
      { sub: 'shop', aud: 'internal:toy', lifetime: 30 },
    )
  },
)

t.test('a refusal is an answer: the caller decides what it means', async (t) => {
  const { client } = await startToy(t)
  t.match(await client.request('GET', '/internal/v1/sold'), {
    statusCode: 409,
    code: 'toy.sold',
    body: { code: 'toy.sold' },
  })
  t.match(await client.request('GET', '/internal/v1/nothing'), { statusCode: 404 })
})

t.test('a token for another service or by another secret is refused there', async (t) => {
  const { options } = await startToy(t)
  const wrong = [{ target: 'bid' }, { secret: 'another secret of at least 32 characters' }]
  for (const change of wrong) {
    const client = createInternalClient({ ...options, ...change })
    t.match(await client.request('GET', '/internal/v1/sold'), { statusCode: 401 })
  }
})

t.test(
  'a target that fails, is silent, sends elsewhere or talks nonsense is unavailable',
  async (t) => {
    const listeners: Record<string, RequestListener> = {
      fails: (_request, response) => void response.writeHead(500).end('{}'),
      'is busy': (_request, response) => void response.writeHead(503).end('{}'),
      'is silent': () => undefined,
      'stops half-way': (_request, response) => void response.write('{"a":'),
      'hangs up': (_request, response) => void response.destroy(),
      'sends elsewhere': (_request, response) =>
        void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
      'talks nonsense': (_request, response) => void response.end('<html>'),
      'refuses without a body': (_request, response) => void response.writeHead(404).end(),
      'refuses without a code': (_request, response) => void response.writeHead(409).end('{}'),
      'refuses in words': (_request, response) => void response.writeHead(403).end('"no"'),
    }
    for (const [title, listener] of Object.entries(listeners))
      await t.rejects(ask(t, listener), unavailable, title)
    const unreachable = createInternalClient({
      service: 'shop',
      target: 'toy',
      baseUrl: 'http://127.0.0.1:1',
      secret: 'a secret of at least thirty-two characters',
    })
    await t.rejects(unreachable.request('GET', '/internal/v1/toys'), unavailable)
  },
)

t.test('an answer without an end is given up long before the timeout', async (t) => {
  const chunk = Buffer.alloc(64 * 1024, ' ')
  let sent = 0
  let isClosed = false
  const endless: RequestListener = (_request, response) => {
    response.on('close', () => {
      isClosed = true
    })
    const send = () => {
      for (let isRoom = true; isRoom && !isClosed; sent += chunk.length)
        isRoom = response.write(chunk)
    }
    response.on('drain', send)
    send()
  }
  await t.rejects(ask(t, endless, 20_000), unavailable)
  await waitFor('the connection to be closed', () => isClosed)
  t.ok(sent > 4 * 1024 * 1024 && sent < 64 * 1024 * 1024, `${sent} bytes were sent`)
})
