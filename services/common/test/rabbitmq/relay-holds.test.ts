import t from 'tap'
import { createHolds, type EventOutcome, type Row } from '#src/rabbitmq/relay-holds.ts'
import { createScan } from '#src/rabbitmq/relay-scan.ts'
import { itemId, placed } from './helper.ts'

let seq = 0n
const [anna, bert] = [itemId(), itemId()]

/** A row with one event for each aggregate named. */
function row(...aggregates: string[]): Row {
  seq += 1n
  const events = aggregates.map((aggregate) => placed(aggregate, '10.00', Number(seq)))
  return { id: itemId(), seq, events, ageMs: 0 }
}

const LATER = Number.POSITIVE_INFINITY
const outcomes = (...all: EventOutcome[][]) => all

t.test('rows that are wholly at the broker are sent, and nothing is held', async (t) => {
  const holds = createHolds()
  const rows = [row(anna), row(bert, anna)]
  t.strictSame(holds.settle(rows, outcomes(['confirmed'], ['confirmed', 'confirmed'])), rows)
  t.equal(holds.isEmpty(), true)
})

t.test('what followed a failure goes again after it, though it arrived', async (t) => {
  const holds = createHolds()
  const [first, second, other] = [row(anna), row(anna), row(bert)]
  const rows = [first, second, other]
  const sent = holds.settle(rows, outcomes(['unknown'], ['confirmed'], ['confirmed']))
  t.strictSame(sent, [other])
  t.equal(holds.isConfirmed(second, 0), false)
  t.equal(holds.mayPublish(anna, performance.now()), false, 'not before its pause is over')
  t.equal(holds.mayPublish(bert, performance.now()), true)
  t.equal(holds.mayPublish(anna, LATER), true)
  t.strictSame(holds.settle([first, second], outcomes(['confirmed'], ['confirmed'])), [
    first,
    second,
  ])
  t.equal(holds.isEmpty(), true)
})

t.test('what of a row is at the broker is remembered until the rest is too', async (t) => {
  const holds = createHolds()
  const mixed = row(anna, bert)
  t.strictSame(holds.settle([mixed], outcomes(['returned', 'confirmed'])), [])
  t.strictSame([holds.isConfirmed(mixed, 0), holds.isConfirmed(mixed, 1)], [false, true])
  t.strictSame(holds.settle([mixed], outcomes(['confirmed', 'confirmed'])), [mixed])
  t.equal(holds.isConfirmed(mixed, 1), false, 'nothing is kept of a row that is sent')
})

t.test('an event that was held back is no failure of its own', async (t) => {
  const holds = createHolds()
  t.strictSame(holds.settle([row(anna)], outcomes(['held'])), [])
  t.equal(holds.isEmpty(), true)
})

t.test('reading begins at the start as long as nothing is held', async (t) => {
  const holds = createHolds()
  const scan = createScan(holds)
  scan.advance([row(anna), row(bert)], performance.now(), false)
  t.equal(scan.afterSeq(), 0n)
  t.ok(scan.startedAtMs() > 0)
})

t.test('while something is held reading goes on behind it, and leaves it alone', async (t) => {
  const holds = createHolds()
  const scan = createScan(holds)
  const rows = [row(anna), row(bert)]
  holds.settle(rows, outcomes(['returned'], ['confirmed']))
  scan.advance(rows, performance.now(), false)
  t.equal(scan.afterSeq(), rows[1]?.seq)
  t.equal(holds.mayPublish(anna, scan.startedAtMs()), false)
})
