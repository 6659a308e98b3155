import t from 'tap'
import { createHolds, type EventOutcome, type Holds } from '#src/rabbitmq/relay-holds.ts'
import { itemId } from './helper.ts'

let seq = 0n
const [anna, bert] = [itemId(), itemId()]

/** A row with one event for each aggregate named. */
function row(...aggregates: string[]) {
  seq += 1n
  return { id: itemId(), seq, events: aggregates.map((aggregateId) => ({ aggregateId })) }
}

type Row = ReturnType<typeof row>

const { now } = performance
let offsetMs = 0
performance.now = () => now.call(performance) + offsetMs
t.teardown(() => {
  performance.now = now
})

/** The beginning of a scan, when every pause is over. */
function nextScan(): number {
  offsetMs += 3_600_000
  return performance.now()
}

/** Publishes what may be published, with these outcomes, and settles it; answers the rows that are sent. */
function publish(holds: Holds, scanStartedAtMs: number, ...rows: [Row, EventOutcome[]][]): Row[] {
  const settled = rows.map(([one, wanted]): [Row, EventOutcome[]] => [
    one,
    wanted.map((outcome, index) => {
      if (holds.isConfirmed(one, index)) return 'confirmed'
      return holds.mayPublish(one, index, scanStartedAtMs) ? outcome : 'held'
    }),
  ])
  for (const [one, outcomes] of settled)
    for (const [index, outcome] of outcomes.entries())
      if (outcome !== 'confirmed' && outcome !== 'held') holds.fail(one, index, scanStartedAtMs)
  return settled.flatMap(([one, outcomes]) =>
    holds.settle(one, outcomes, scanStartedAtMs) ? [one] : [],
  )
}

t.test('rows that are wholly at the broker are sent, and nothing is held', (t) => {
  const [holds, scan] = [createHolds(), nextScan()]
  const [one, two] = [row(anna), row(bert, anna)]
  const sent = publish(holds, scan, [one, ['confirmed']], [two, ['confirmed', 'confirmed']])
  t.strictSame(sent, [one, two])
  t.equal(holds.mayPublish(row(anna), 0, scan), true)
  t.end()
})

t.test('what followed a failure goes again after it, though it arrived', (t) => {
  const [holds, scan] = [createHolds(), nextScan()]
  const [first, second, other] = [row(anna), row(anna), row(bert)]
  const sent = publish(
    holds,
    scan,
    [first, ['unknown']],
    [second, ['confirmed']],
    [other, ['confirmed']],
  )
  t.strictSame(sent, [other])
  t.equal(holds.isConfirmed(second, 0), false)
  t.equal(holds.mayPublish(second, 0, performance.now()), false, 'not before its pause is over')
  t.equal(holds.mayPublish(other, 0, scan), true)
  const again = publish(holds, nextScan(), [first, ['confirmed']], [second, ['confirmed']])
  t.strictSame(again, [first, second])
  t.equal(holds.mayPublish(row(anna), 0, scan), true)
  t.end()
})

t.test(
  'of events that fail together the first one is waited for, in whatever order they fail',
  (t) => {
    const [holds, scan] = [createHolds(), nextScan()]
    const [first, second, third] = [row(anna), row(anna), row(anna)]
    for (const one of [third, first, second]) holds.fail(one, 0, scan)
    const retry = nextScan()
    const halfway = publish(holds, retry, [first, ['confirmed']], [second, ['unknown']])
    t.strictSame(halfway, [first])
    t.equal(holds.mayPublish(third, 0, retry), false, 'the second failed again')
    const later = nextScan()
    t.strictSame(publish(holds, later, [second, ['confirmed']], [third, ['confirmed']]), [
      second,
      third,
    ])
    t.end()
  },
)

t.test('a failure that another page meets keeps the later page from being counted', (t) => {
  const [holds, scan] = [createHolds(), nextScan()]
  const [first, second] = [row(anna), row(anna)]
  t.equal(holds.mayPublish(first, 0, scan), true)
  t.equal(holds.mayPublish(second, 0, scan), true)
  holds.fail(first, 0, scan)
  t.equal(holds.settle(first, ['unknown'], scan), false)
  t.equal(holds.settle(second, ['confirmed'], scan), false)
  t.end()
})

t.test('a row that is gone holds its aggregate no longer than until the next try', (t) => {
  const [holds, scan] = [createHolds(), nextScan()]
  const [gone, next] = [row(anna), row(anna)]
  publish(holds, scan, [gone, ['returned']])
  t.strictSame(publish(holds, nextScan(), [next, ['confirmed']]), [next])
  t.equal(holds.mayPublish(row(anna), 0, scan), true)
  t.end()
})

t.test('what of a row is at the broker is remembered until the rest is too', (t) => {
  const [holds, scan] = [createHolds(), nextScan()]
  const mixed = row(anna, bert)
  t.strictSame(publish(holds, scan, [mixed, ['returned', 'confirmed']]), [])
  t.strictSame([holds.isConfirmed(mixed, 0), holds.isConfirmed(mixed, 1)], [false, true])
  t.strictSame(publish(holds, nextScan(), [mixed, ['confirmed', 'confirmed']]), [mixed])
  t.equal(holds.isConfirmed(mixed, 1), false, 'nothing is kept of a row that is sent')
  t.end()
})

t.test('an event that was held back is no failure of its own', (t) => {
  const [holds, scan] = [createHolds(), nextScan()]
  const one = row(anna)
  t.equal(holds.settle(one, ['held'], scan), false)
  t.equal(holds.mayPublish(one, 0, scan), true)
  t.end()
})
