import t from 'tap'
import { bidPathRows, type Measured } from '#src/bench/bid-path-rows.ts'
import { atMost, median, versus } from '#src/bench/report.ts'

const compared = { goal: 'P9', what: 'x', wanted: 8, unit: 'ms' }

/** A measurement of one second. */
const measured = (decided: number, p99Ms = 1): Measured => ({
  decided,
  accepted: decided / 10,
  failed: 0,
  seconds: 1,
  p50Ms: 1,
  p99Ms,
  cpuSeconds: 0.1,
  nodeMicroseconds: 80,
  postgresMicroseconds: 20,
})

t.test('the median was measured, also of an even number of rounds', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 2, 3]), 2)
})

t.test('of rates the higher is better, of latencies the lower', async (t) => {
  t.match(versus({ ...compared, ours: 90, baseline: 10 }), { ratio: '9.00 x', isMet: true })
  t.match(versus({ ...compared, ours: 10, baseline: 90 }), { ratio: '0.11 x', isMet: false })
  const latency = { ...compared, ours: 10, baseline: 90, isLowerBetter: true }
  t.match(versus(latency), { ours: '10.0 ms', ratio: '9.00 x', isMet: true })
})

t.test('what was not measured is not met', async (t) => {
  t.equal(versus({ ...compared, ours: median([]), baseline: 1 }).isMet, false)
  t.equal(atMost('P9', 'x', median([]), 1, 's').isMet, false)
})

t.test('every goal asked for has its rows, from the medians of its own measurements', async (t) => {
  const results = new Map([
    ['hot ours', [measured(1_000, 5), measured(3_000, 7), measured(2_000, 6)]],
    ['hot two', [measured(2_600)]],
    ['hot transaction', [measured(100, 60)]],
    ['hot half', [measured(1_000, 9)]],
  ])
  t.match(bidPathRows(new Set(['P3']), results), [
    { goal: 'P3', ours: '2600/s', baseline: '2000/s', ratio: '1.30 x', isMet: true },
  ])
  t.match(bidPathRows(new Set(['P4']), results), [
    { goal: 'P4', ours: '6.00 ms', baseline: '60.0 ms', ratio: '10.0 x', isMet: true },
    { goal: 'P4', wanted: '<= 10 ms', ours: '9.00 ms', isMet: true },
  ])
  const goals = bidPathRows(new Set(['P1', 'P2', 'P3', 'P4']), results).map(({ goal }) => goal)
  t.strictSame([...new Set(goals)], ['P1', 'P2', 'P3', 'P4'])
})
