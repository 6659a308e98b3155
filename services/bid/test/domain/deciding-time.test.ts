import t from 'tap'
import { monotonicAtClock } from '#src/domain/deciding-time.ts'

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
