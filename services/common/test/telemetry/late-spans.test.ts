import { trace } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { serviceUnavailable } from '#src/http/errors.ts'
import { isRecorded, linkedTrace, ownTrace, setSampleRatio } from '#src/telemetry/tracing.ts'
import { buildToy } from '#test/helper.ts'

const config = { auth: 'public' } as const

t.test('what fails or is slow is traced although it was not sampled', async (t) => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  trace.setGlobalTracerProvider(provider)
  t.teardown(() => provider.shutdown())
  setSampleRatio(0)
  const { app } = await buildToy(t)
  // As if they had come just now, however long the way to here took; half a minute is to spare.
  const justNow = (request: FastifyRequest) => {
    request.receivedAtMs = performance.now() + 30_000
  }
  app.get('/fine', { config }, (request) => {
    justNow(request)
    return 'fine'
  })
  app.get('/refused', { config }, (request, reply) => {
    justNow(request)
    return reply.code(422).send({})
  })
  app.get('/down', { config }, () => {
    throw serviceUnavailable()
  })
  app.get('/slow', { config }, async (request) => {
    // As if it had come a second ago.
    request.receivedAtMs -= 1_000
    return 'at last'
  })
  const headers = { 'x-correlation-id': 'case-4711' }
  for (const url of ['/fine', '/refused', '/down', '/slow']) await app.inject({ url, headers })
  const spans = exporter.getFinishedSpans()
  t.same(
    spans.map(({ name }) => name),
    ['GET /down', 'GET /slow'],
  )
  const [down, slow] = spans
  t.match(down?.attributes, {
    'app.correlation_id': 'case-4711',
    'app.error_code': 'service.unavailable',
    'http.response.status_code': 503,
  })
  t.match(down?.status, { code: 2, message: 'service.unavailable' })
  t.ok((slow?.duration[0] ?? 0) >= 1, 'as long as it took')
  t.equal(slow?.attributes['app.error_code'], undefined)
})

t.test('a late span has the trace id that the answer names', async (t) => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  trace.disable()
  trace.setGlobalTracerProvider(provider)
  t.teardown(() => provider.shutdown())
  const { app } = await buildToy(t)
  app.get('/down', { config }, () => {
    throw serviceUnavailable()
  })
  const { traceId } = (await app.inject('/down')).json()
  t.equal(exporter.getFinishedSpans()[0]?.spanContext().traceId, traceId)
})

t.test('what goes on from a recorded trace is recorded, and names it by a link', async (t) => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  trace.disable()
  trace.setGlobalTracerProvider(provider)
  t.teardown(() => provider.shutdown())
  setSampleRatio(0)
  const header = (digit: string, flags: string) =>
    `00-${digit.repeat(32)}-${digit.repeat(16)}-${flags}`
  t.notOk(isRecorded(ownTrace('alone').traceparent))
  t.notOk(isRecorded(ownTrace('of none', [header('a', '00'), 'rubbish']).traceparent))
  const own = ownTrace('of one', [header('a', '00'), header('b', '01')])
  t.ok(isRecorded(own.traceparent))
  const step = linkedTrace('step', own, [header('c', '01')])
  t.equal(step.correlationId, own.correlationId)
  t.match(step.traceparent, new RegExp(`^00-${own.traceId}-`))
  const silent = { ...own, traceparent: header('d', '00') }
  t.equal(linkedTrace('silent', silent, [header('c', '01')]).traceparent, silent.traceparent)
  t.same(
    exporter
      .getFinishedSpans()
      .map(({ name, links }) => [name, links.map(({ context }) => context.traceId[0])]),
    [
      ['of one', ['b']],
      ['step', ['c']],
    ],
  )
})
