import t from 'tap'
import { medianOf, sameDistribution } from '#src/timing/statistics.ts'

/** Evenly spread values, so that nothing is left to chance. */
const spread = (count: number, from: number, to: number) =>
  Array.from({ length: count }, (_, index) => from + ((to - from) * index) / (count - 1))

t.test('the median is the middle value', async (t) => {
  t.equal(medianOf([3, 1, 2]), 2)
  t.equal(medianOf([4, 1, 2, 3]), 2.5)
})

t.test('equal samples are of one distribution, shifted ones are not', async (t) => {
  t.equal(sameDistribution(spread(1_000, 0, 1), spread(1_000, 0, 1)), 1)
  t.ok(sameDistribution(spread(1_000, 0, 1), spread(1_000, 0.02, 1.02)) > 0.01)
  t.ok(sameDistribution(spread(1_000, 0, 1), spread(1_000, 0.2, 1.2)) < 1e-6)
})

t.test('the critical distance of 5 % is the one in the tables', async (t) => {
  // 1.358 * sqrt((n + m) / (n m)) for large samples.
  const shift = 1.358 * Math.sqrt(2 / 10_000)
  const p = sameDistribution(spread(10_000, 0, 1), spread(10_000, shift, 1 + shift))
  t.ok(Math.abs(p - 0.05) < 0.003, String(p))
})
