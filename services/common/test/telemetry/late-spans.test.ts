import { trace } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import t from 'tap'
import { serviceUnavailable } from '#src/http/errors.ts'
import { setSampleRatio } from '#src/telemetry/tracing.ts'
import { buildToy } from '#test/helper.ts'

const config = { auth: 'public' } as const

t.test('what fails or is slow is traced although it was not sampled', async (t) => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  trace.setGlobalTracerProvider(provider)
  t.teardown(() => provider.shutdown())
  setSampleRatio(0)
  const { app } = await buildToy(t)
  app.get('/fine', { config }, () => 'fine')
  app.get('/refused', { config }, (_request, reply) => reply.code(422).send({}))
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
