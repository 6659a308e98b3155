import t from 'tap'
import { createHolds, type Row } from '#src/rabbitmq/relay-holds.ts'
import { createScan } from '#src/rabbitmq/relay-scan.ts'

const row = (seq: bigint): Row => ({ id: String(seq), seq, events: [], ageMs: 0 })
const FOR_EVER = Number.POSITIVE_INFINITY
const settings = { writerLifetimeMs: 60_000, fromStartIntervalMs: FOR_EVER, markIntervalMs: 5_000 }

t.test('the floor follows what was read a minute ago', (t) => {
  const scan = createScan(createHolds(), settings)
  scan.advance([row(10n), row(20n)], 0, true)
  t.equal(scan.afterSeq(), 0n)
  scan.advance([row(500n)], 30_000, true)
  scan.advance([], 59_999, true)
  t.equal(scan.afterSeq(), 0n, 'a transaction of then may still commit a lower seq')
  scan.advance([], 60_000, true)
  t.equal(scan.afterSeq(), 20n)
  scan.advance([row(700n)], 90_000, true)
  t.equal(scan.afterSeq(), 500n)
  t.end()
})

t.test('a row that commits late below a mark is read before the floor passes it', (t) => {
  const scan = createScan(createHolds(), settings)
  scan.advance([row(20n)], 0, true)
  scan.advance([row(7n)], 59_000, true)
  scan.advance([row(8n)], 60_000, true)
  t.equal(scan.afterSeq(), 0n, 'the page ended below the mark: there may be more above it')
  scan.advance([row(9n), row(30n)], 60_001, true)
  t.equal(scan.afterSeq(), 20n)
  t.end()
})

t.test('the floor stays where it is while a page is not wholly at the broker', (t) => {
  const scan = createScan(createHolds(), settings)
  scan.advance([row(20n)], 0, false)
  scan.advance([row(20n)], 60_000, false)
  scan.advance([row(20n)], 120_000, true)
  t.equal(scan.afterSeq(), 0n)
  scan.advance([], 180_000, true)
  t.equal(scan.afterSeq(), 20n)
  t.end()
})

t.test('what committed very late below the floor is read page by page from the start', (t) => {
  const scan = createScan(createHolds(), { ...settings, fromStartIntervalMs: 0 })
  scan.advance([row(20n)], 0, true)
  scan.advance([], 60_000, true)
  t.equal(scan.afterSeq(), 0n)
  scan.advance([row(2n), row(3n)], 120_000, true)
  t.equal(scan.afterSeq(), 3n)
  scan.advance([row(4n), row(5n)], 120_001, false)
  t.equal(scan.afterSeq(), 0n, 'a page that did not reach the broker is read again')
  scan.advance([row(4n), row(30n)], 120_002, true)
  t.equal(scan.afterSeq(), 0n)
  t.end()
})

t.test('a read from the start that takes too long is given up for the floor', (t) => {
  const scan = createScan(createHolds(), { ...settings, fromStartIntervalMs: 0 })
  t.equal(scan.skipFromStart(), false, 'without a floor there is nothing to go on from')
  scan.advance([row(20n)], 0, true)
  scan.advance([], 60_000, true)
  t.equal(scan.afterSeq(), 0n)
  t.equal(scan.skipFromStart(), true)
  t.equal(scan.afterSeq(), 20n)
  t.end()
})

t.test('now and then a scan begins at the start, whatever the floor', (t) => {
  const scan = createScan(createHolds(), { ...settings, fromStartIntervalMs: 0 })
  scan.advance([row(20n)], 0, true)
  scan.advance([], 60_000, true)
  t.equal(scan.afterSeq(), 0n)
  t.end()
})
