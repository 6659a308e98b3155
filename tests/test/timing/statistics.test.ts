import t from 'tap'
import { medianNoise, medianOf, sameDistribution } from '#src/timing/statistics.ts'

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

t.test('the noise is what equal runs differ by but for one time in twenty', async (t) => {
  // Of n values spread evenly over one, a median deviates by 1 / (2 sqrt n), the difference of two
  // by sqrt 2 times that, and 95 % of normal deviations are within 1.96 of it.
  const expected = (1.96 * Math.SQRT2) / (2 * Math.sqrt(1_000))
  const noise = medianNoise(spread(1_000, 0, 1), { draws: 2_000 })
  t.ok(Math.abs(noise - expected) < 0.2 * expected, `${noise} for ${expected}`)
  t.equal(medianNoise([5, 5, 5]), 0)
})
