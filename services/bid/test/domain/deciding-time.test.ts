import t from 'tap'
import { monotonicAtClock, monotonicBySecond } from '#src/domain/deciding-time.ts'

const at = (sentAtMs: number, answeredAtMs: number, serverMs: number) =>
  monotonicAtClock({ sentAtMs, answeredAtMs, nowMs: 1_000_000, doneMs: 1_000_000 + serverMs })

t.test('the clock was read half of the time on the way after the statement was sent', async (t) => {
  t.equal(at(100, 104, 0), 102)
  t.equal(at(100, 304, 200), 102, 'however long the statement took at the server')
})

t.test('an answer that comes late makes a bid at most five milliseconds earlier', async (t) => {
  t.equal(at(100, 400, 10), 105)
})

t.test('a clock that was set meanwhile moves nothing', async (t) => {
  t.equal(at(100, 104, 60_000), 100)
  t.equal(at(100, 104, -60_000), 105)
})

t.test('a request that was long on the way is corrected by a second reading', async (t) => {
  // The clock was read at 295 of this process; a second time at 302, seven milliseconds later.
  const first = { sentAtMs: 100, answeredAtMs: 300, nowMs: 5_000, doneMs: 5_000 }
  const second = { sentAtMs: 301, answeredAtMs: 303, nowMs: 5_007, doneMs: 5_007 }
  t.equal(monotonicBySecond(first, second), 295)
  const worse = { sentAtMs: 301, answeredAtMs: 601, nowMs: 5_007, doneMs: 5_007 }
  t.equal(monotonicBySecond(first, worse), monotonicAtClock(first))
})
