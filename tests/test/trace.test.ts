import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t, { type Test } from 'tap'
import type { RequestOptions } from '#src/api-client.ts'
import { inTime } from '#src/in-time.ts'
import { insist, join, type Person, sell } from '#src/people.ts'
import { createPlatform } from './helper.ts'
import { createOtlpReceiver, type ReceivedSpan } from './otlp-receiver.ts'

/** The span of the caller, which only the caller could export. */
const ROOT = '00f067aa0ba902b7'
// A number that occurs nowhere else: one trace of it in any span would be a leak.
const HIDDEN_MAXIMUM = '83197.46'

const BUSY_MAX_MS = 120_000
const BUSY_PAUSE_MS = 1_000

const newTraceId = () => randomUUID().replaceAll('-', '')
const traceparent = (traceId: string) => `00-${traceId}-${ROOT}-01`

t.test('one trace shows what a request caused, in every service', async (t) => {
  const otlp = await createOtlpReceiver(t)
  const { client } = await createPlatform(t, {
    env: { '*': { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url, OTEL_TRACES_SAMPLE_RATIO: '1' } },
  })
  const run = randomUUID().slice(0, 8)
  const [ann, ben] = (await Promise.all(
    ['ann', 'ben'].map((name) => join(client, name, `${name}-${run}`)),
  )) as [Person, Person]
  const bid = (itemId: string, maxAmount: string, headers = {}) =>
    client.request('POST', `/api/v1/lots/${itemId}/bids`, {
      token: ben.token,
      body: { maxAmount },
      headers: { 'idempotency-key': randomUUID(), ...headers },
    })
  /**
   * Sends until the platform has time, each time in a trace of its own: one of a request that was turned away
   * has its spans as well.
   */
  const inNewTrace = (path: string, { headers = {}, ...options }: RequestOptions) =>
    waitFor(
      `an answer of ${path}`,
      async () => {
        const traceId = newTraceId()
        const traced = { ...headers, traceparent: traceparent(traceId) }
        const answer = await client.request('POST', path, { ...options, headers: traced })
        return answer.statusCode === 503 ? undefined : { traceId, ...answer }
      },
      BUSY_MAX_MS,
      BUSY_PAUSE_MS,
    )
  const draft = (startDate: number, durationMs: number) =>
    insist(client, 'POST', '/api/v1/items', {
      token: ann.token,
      accept: [201],
      body: {
        name: 'traced',
        description: 'a thing on its way',
        currencyCode: 'USD',
        startPrice: '1.00',
        startDate: new Date(startDate).toISOString(),
        endDate: new Date(startDate + durationMs).toISOString(),
        extensionThresholdMinutes: 0,
      },
    })
  const one = (t: Test, spans: ReceivedSpan[], name: string) => {
    const [span, ...others] = spans.filter((candidate) => candidate.name === name)
    t.strictSame(others, [], `${name} happened once`)
    return span
  }
  const hasNoGaps = (t: Test, traceId: string, root: string) =>
    t.resolves(
      waitFor(`every parent in trace ${traceId}`, () => otlp.orphans(traceId, root).length === 0),
      'every parent is a span of the trace',
    )

  t.test(
    'a bid: identity’s check, the bid service, its outbox relay, and the auction worker',
    async (t) => {
      const { id } = await sell(client, ann, {
        name: 'traced',
        startPrice: '1.00',
        durationMs: 600_000,
      })
      const { traceId, statusCode } = await inNewTrace(`/api/v1/lots/${id}/bids`, {
        token: ben.token,
        body: { maxAmount: '2.00' },
        headers: { 'idempotency-key': randomUUID(), 'x-correlation-id': 'case-4711' },
      })
      t.equal(statusCode, 201)
      const spans = await otlp.trace(traceId, [
        'GET /identity/validate',
        'POST /api/v1/lots/:itemId/bids',
        'bid.placed.v1 publish',
        'auction.bid.placed.v1 process',
        'notification.bid.placed.v1 process',
      ])
      const request = one(t, spans, 'POST /api/v1/lots/:itemId/bids')
      const publish = one(t, spans, 'bid.placed.v1 publish')
      t.match(one(t, spans, 'GET /identity/validate'), { service: 'identity', parentSpanId: ROOT })
      t.match(request, { service: 'bid', parentSpanId: ROOT })
      t.match(publish, { service: 'bid', parentSpanId: request?.spanId })
      t.match(one(t, spans, 'auction.bid.placed.v1 process'), {
        service: 'auction',
        parentSpanId: publish?.spanId,
      })
      t.strictSame(
        [...new Set(spans.map(({ service }) => service))].sort(),
        ['auction', 'bid', 'identity', 'notification'],
        'one trace id across the four services',
      )
      t.strictSame(
        [...new Set(spans.map(({ attributes }) => attributes['app.correlation_id']))],
        ['case-4711'],
        'and the correlation id that the caller chose, also in the worker',
      )
      await hasNoGaps(t, traceId, ROOT)
    },
  )

  t.test('a refusal names the trace it belongs to', async (t) => {
    const { traceId, ...refused } = await inNewTrace(`/api/v1/lots/${randomUUID()}/bids`, {
      token: ben.token,
      body: { maxAmount: '2.00' },
    })
    t.match(refused, { statusCode: 404, body: { traceId } })
  })

  t.test('publishing: the call to bid, the event, and bid’s worker', async (t) => {
    const created = await draft(Date.now(), 600_000)
    const path = `/api/v1/items/${String(created.body.id)}/publish`
    const { traceId, statusCode } = await inNewTrace(path, { token: ann.token })
    t.equal(statusCode, 200)
    const spans = await otlp.trace(traceId, [
      'POST /api/v1/items/:id/publish',
      'PUT /internal/v1/lots/:itemId/terms',
      'item.published.v1 publish',
      'bid.item.published.v1 process',
    ])
    const request = one(t, spans, 'POST /api/v1/items/:id/publish')
    const publish = one(t, spans, 'item.published.v1 publish')
    t.match(request, { service: 'auction', parentSpanId: ROOT })
    t.match(one(t, spans, 'PUT /internal/v1/lots/:itemId/terms'), {
      service: 'bid',
      parentSpanId: request?.spanId,
    })
    t.match(publish, { service: 'auction', parentSpanId: request?.spanId })
    t.match(one(t, spans, 'bid.item.published.v1 process'), {
      service: 'bid',
      parentSpanId: publish?.spanId,
    })
    await hasNoGaps(t, traceId, ROOT)
  })

  t.test('a registration and the events it publishes', async (t) => {
    const { traceId, statusCode } = await inNewTrace('/identity/register', {
      body: { name: 'Dora', email: `dora-${run}@example.test`, password: `unlike-${run}-others` },
    })
    t.equal(statusCode, 201)
    const spans = await otlp.trace(traceId, [
      'POST /identity/register',
      'identity.user.registered.v1 publish',
    ])
    const request = one(t, spans, 'POST /identity/register')
    t.match(request, { service: 'identity', parentSpanId: ROOT })
    t.match(one(t, spans, 'identity.user.registered.v1 publish'), {
      service: 'identity',
      parentSpanId: request?.spanId,
    })
    await hasNoGaps(t, traceId, ROOT)
  })

  t.test('what no request caused has a trace of its own, from its first span on', async (t) => {
    const traceId = newTraceId()
    const headers = { traceparent: traceparent(traceId) }
    await inTime(1_500, async (pauseMs) => {
      const startsAtMs = Date.now() + pauseMs
      const created = await draft(startsAtMs, 2 * pauseMs)
      const id = String(created.body.id)
      const published = await client.request('POST', `/api/v1/items/${id}/publish`, {
        token: ann.token,
      })
      // Published after its start, it would start with that request.
      if (published.statusCode !== 200 || Date.now() >= startsAtMs) return undefined
      const end = await waitFor('the start', async () => {
        const answer = await bid(id, HIDDEN_MAXIMUM, headers)
        if (answer.body.code === 'bid.ended') return 'missed'
        if (answer.body.code !== 'bid.confirmation_required')
          return answer.statusCode === 201 && 'placed'
        const { confirmation } = answer.body.details as { confirmation: string }
        const confirmed = await client.request('POST', `/api/v1/lots/${id}/bids`, {
          token: ben.token,
          body: { maxAmount: HIDDEN_MAXIMUM, confirmation },
          headers: { 'idempotency-key': randomUUID(), ...headers },
        })
        return confirmed.statusCode === 201 && 'placed'
      })
      if (end === 'placed') return id
      t.ok(Date.now() >= startsAtMs + 2 * pauseMs, 'no lot ends early')
      return undefined
    })
    // An item that a slow machine published after its start was started by that request.
    const { traceId: startId } = await otlp.find('start item')
    const start = await otlp.trace(startId, ['item.started.v1 publish'])
    t.match(one(t, start, 'start item'), { service: 'auction', parentSpanId: '' })
    await hasNoGaps(t, startId, '')

    // A lot that was over before the bid came has a closing as well.
    const close = await otlp.find('lot close', ({ links }) => links.includes(traceId))
    const spans = await otlp.trace(close.traceId, [
      'bid.closed.v1 publish',
      'auction.bid.closed.v1 process',
      'auction.bid.won.v1 process',
      'item.ended.v1 publish',
      'item.sold.v1 publish',
    ])
    t.match(close, { service: 'bid', parentSpanId: '' })
    t.match(one(t, spans, 'bid.closed.v1 publish'), { service: 'bid', parentSpanId: close.spanId })
    t.match(one(t, spans, 'item.sold.v1 publish'), { service: 'auction', parentSpanId: /./ })
    await hasNoGaps(t, close.traceId, '')
    t.notOk(otlp.text().includes(HIDDEN_MAXIMUM), 'no span contains a maximum')
  })
})
