/** The middle value; of an even number, the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/**
 * Two-sample Kolmogorov–Smirnov test: the probability of samples at least this different if both
 * were drawn from one distribution (asymptotic series, good for some hundred values and more).
 */
export function sameDistribution(a: readonly number[], b: readonly number[]): number {
  const distance = largestDistance(
    [...a].sort((p, q) => p - q),
    [...b].sort((p, q) => p - q),
  )
  const root = Math.sqrt((a.length * b.length) / (a.length + b.length))
  const lambda = (root + 0.12 + 0.11 / root) * distance
  if (lambda < 0.2) return 1
  let sum = 0
  for (let k = 1; k <= 100; k += 1) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * (k * lambda) ** 2)
  return Math.min(1, Math.max(0, sum))
}

/** The largest gap between two empirical distributions, given in order. */
function largestDistance(x: readonly number[], y: readonly number[]): number {
  let [i, j, distance] = [0, 0, 0]
  while (i < x.length && j < y.length) {
    const value = Math.min(x[i] ?? 0, y[j] ?? 0)
    while (i < x.length && (x[i] ?? 0) <= value) i += 1
    while (j < y.length && (y[j] ?? 0) <= value) j += 1
    distance = Math.max(distance, Math.abs(i / x.length - j / y.length))
  }
  return distance
}

/**
 * How far apart the medians of two equal runs are but for one time in twenty: pairs of runs as long
 * as this one are drawn from it with replacement, and their medians compared.
 */
export function medianNoise(
  values: readonly number[],
  { draws = 400, random = Math.random }: { draws?: number; random?: () => number } = {},
): number {
  const draw = () =>
    medianOf(values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN))
  const differences = Array.from({ length: draws }, () => Math.abs(draw() - draw()))
  return differences.sort((a, b) => a - b)[Math.ceil(draws * 0.95) - 1] ?? Number.NaN
}
