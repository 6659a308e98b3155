import t from 'tap'
import { acceptCorrelationId, parseTraceparent, startSpan } from '#src/telemetry/tracing.ts'

const PARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`

t.test('a well-formed traceparent is continued, any other starts a new trace', async (t) => {
  t.match(startSpan('work', { kind: 'server', traceparent: PARENT }), {
    traceId: 'a'.repeat(32),
    traceparent: PARENT,
  })
  const bad = [
    '',
    'rubbish',
    `01-${PARENT.slice(3)}`,
    PARENT.toUpperCase(),
    `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
    `${PARENT}x`,
  ]
  for (const traceparent of bad) {
    const span = startSpan('work', { kind: 'server', traceparent })
    t.match(span.traceId, /^[0-9a-f]{32}$/)
    t.not(span.traceId, 'a'.repeat(32))
    t.ok(parseTraceparent(span.traceparent), 'what we send is well-formed')
  }
})

t.test('trace ids are different for every request', async (t) => {
  const ids = Array.from({ length: 2_000 }, () => startSpan('work', { kind: 'server' }).traceId)
  t.equal(new Set(ids).size, ids.length)
})

t.test('a correlation id is taken when it is harmless to log', async (t) => {
  t.equal(acceptCorrelationId('order-4711.a:b_c'), 'order-4711.a:b_c')
  for (const header of ['', 'a b', 'a\nb', 'ä', 'x'.repeat(65), undefined, ['a']]) {
    t.equal(acceptCorrelationId(header), undefined)
  }
})
