import t from 'tap'
import { createScan } from '#src/rabbitmq/relay-scan.ts'

const row = (seq: bigint) => ({ seq })
const FOR_EVER = Number.POSITIVE_INFINITY
const settings = { writerLifetimeMs: 60_000, fromStartIntervalMs: FOR_EVER, markIntervalMs: 5_000 }

t.test('a read begins behind what was read a minute ago', (t) => {
  const scan = createScan(settings)
  scan.advance([row(10n), row(20n)], 0, false)
  t.equal(scan.afterSeq(), 0n)
  scan.advance([row(500n)], 30_000, false)
  scan.advance([], 59_999, false)
  t.equal(scan.afterSeq(), 0n, 'a transaction of then may still commit a lower seq')
  scan.advance([], 60_000, false)
  t.equal(scan.afterSeq(), 20n)
  scan.advance([row(700n)], 90_000, false)
  t.equal(scan.afterSeq(), 500n)
  t.end()
})

t.test('what was read is left out, and a row that commits late between is not', (t) => {
  const scan = createScan(settings)
  scan.advance([row(5n), row(6n), row(8n), row(9n)], 0, true)
  t.equal(scan.known(), '{[5,6],[8,9]}', 'whether 7 ever commits is not known')
  scan.advance([row(7n), row(10n)], 100, false)
  t.equal(scan.known(), '{[5,10]}')
  t.equal(scan.afterSeq(), 0n)
  scan.advance([], 60_000, false)
  t.equal(scan.afterSeq(), 9n)
  t.equal(scan.known(), '{[10,10]}', 'only what lies behind the beginning of the read is left out')
  t.end()
})

t.test('a page that ends below what is final leaves the rest to the next', (t) => {
  const scan = createScan(settings)
  scan.advance([row(20n)], 0, false)
  scan.advance([row(7n), row(8n)], 60_000, true)
  t.equal(scan.afterSeq(), 8n)
  scan.advance([row(30n)], 60_001, true)
  t.equal(scan.afterSeq(), 20n)
  t.end()
})

t.test('rows that did not leave are passed over, and tried again from the floor', (t) => {
  const scan = createScan(settings)
  for (const seq of [10n, 20n, 30n]) scan.advance([row(seq)], 0, false)
  scan.settle(row(10n), true)
  scan.settle(row(20n), false)
  scan.settle(row(30n), true)
  scan.advance([], 60_000, false)
  scan.advance([], 120_000, false)
  t.equal(scan.afterSeq(), 30n, 'reading goes on behind them')
  const begunAtMs = scan.startedAtMs()
  t.equal(scan.isRestartDue(), false, 'not before a pause')
  scan.restart(false)
  t.equal(scan.afterSeq(), 30n)
  scan.restart(true)
  t.equal(scan.afterSeq(), 19n)
  t.equal(scan.known(), '{}')
  t.ok(scan.startedAtMs() > begunAtMs)
  scan.advance([row(20n)], 120_001, false)
  scan.settle(row(20n), true)
  scan.restart(true)
  t.equal(scan.afterSeq(), 30n, 'the floor is where everything is sent')
  t.end()
})

t.test('a retry comes after a pause, also when reading never reaches the end', (t) => {
  const { now } = performance
  t.teardown(() => {
    performance.now = now
  })
  const scan = createScan(settings)
  scan.advance([row(1n), row(2n)], now.call(performance), true)
  scan.settle(row(1n), false)
  t.equal(scan.isRestartDue(), false)
  performance.now = () => now.call(performance) + 60_000
  t.equal(scan.isRestartDue(), true)
  t.end()
})

t.test('a read from the start that takes too long is given up for the floor', (t) => {
  const scan = createScan({ ...settings, fromStartIntervalMs: 0 })
  t.equal(scan.skipFromStart(), false, 'without a floor there is nothing to go on from')
  scan.advance([row(20n)], 0, false)
  scan.settle(row(20n), true)
  scan.advance([], 60_000, false)
  scan.restart(true)
  t.equal(scan.afterSeq(), 0n)
  t.equal(scan.skipFromStart(), true)
  t.equal(scan.afterSeq(), 20n)
  t.end()
})

t.test('now and then a scan begins at the start, and finds what committed very late', (t) => {
  const scan = createScan({ ...settings, fromStartIntervalMs: 0 })
  scan.advance([row(20n)], 0, false)
  scan.settle(row(20n), true)
  scan.advance([], 60_000, false)
  t.equal(scan.isRestartDue(), true)
  scan.restart(false)
  t.equal(scan.afterSeq(), 0n)
  scan.advance([row(2n), row(3n)], 120_000, true)
  t.equal(scan.afterSeq(), 3n)
  scan.settle(row(2n), true)
  scan.settle(row(3n), false)
  scan.advance([row(4n)], 120_001, false)
  scan.settle(row(4n), true)
  t.equal(scan.afterSeq(), 20n)
  scan.restart(false)
  t.equal(scan.skipFromStart(), true)
  t.equal(scan.afterSeq(), 2n, 'what did not reach the broker lies above the floor again')
  t.end()
})
