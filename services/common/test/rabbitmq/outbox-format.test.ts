import t from 'tap'
import type { OutboxEvent } from '#src/contracts/event.ts'
import { formatEvent, joinEvents, readEvents } from '#src/rabbitmq/outbox-format.ts'
import { itemId, placed } from './helper.ts'

/** What could be taken for the borders of events and envelopes. */
const TRICKY =
  'a "quoted"\n},{"key":"x","envelope":\n{"payload":1}\\","payload":{\u2028 ,"payload":'

function trickyEvent(): OutboxEvent {
  const event = placed(itemId(), '10.00', 1)
  return {
    ...event,
    aggregateId: TRICKY,
    envelope: {
      ...event.envelope,
      correlationId: TRICKY,
      payload: { ...event.envelope.payload, [TRICKY]: [{ key: TRICKY }, { envelope: TRICKY }] },
    },
  }
}

t.test('every envelope comes out as it was written, whatever it contains', (t) => {
  const events = [placed(itemId(), '10.00', 1), trickyEvent(), placed(itemId(), '11.00', 2)]
  const text = joinEvents(events.map(formatEvent))
  const read = readEvents(text)
  t.strictSame(
    read.map(({ body }) => JSON.parse(body)),
    events.map(({ envelope }) => envelope),
  )
  for (const [index, { envelope, ...rest }] of events.entries()) {
    const { body, head, ...stored } = read[index] ?? { body: '', head: {} }
    t.strictSame(stored, rest)
    t.equal(body, JSON.stringify(envelope))
    t.hasStrict(envelope, head, 'the head is the beginning of the envelope')
    t.match(head, { id: envelope.id, correlationId: envelope.correlationId })
  }
  t.end()
})

t.test('a relay of the version before reads the same events', (t) => {
  const events = [placed(itemId(), '10.00', 1), trickyEvent()]
  t.strictSame(JSON.parse(joinEvents(events.map(formatEvent))), events)
  t.strictSame(readEvents('[]'), [])
  t.end()
})

t.test('rows of the version before are read', (t) => {
  const events = [placed(itemId(), '10.00', 1), trickyEvent()]
  const read = readEvents(JSON.stringify(events))
  t.strictSame(
    read.map(({ body }) => JSON.parse(body)),
    events.map(({ envelope }) => envelope),
  )
  t.match(
    read.map(({ head, key, aggregateId }) => [head.id, key, aggregateId]),
    events.map(({ envelope, key, aggregateId }) => [envelope.id, key, aggregateId]),
  )
  t.end()
})
