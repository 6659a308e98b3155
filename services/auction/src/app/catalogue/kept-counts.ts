const STALE_FACTOR = 6

export interface KeptCountsOptions {
  /** Counts that are older are counted again; 0 counts for every caller. */
  maxAgeMs: number
  onFailure(error: unknown): void
  monotonicMs?: () => number
}

/**
 * Keeps what is expensive to count. While it is counted again, callers get what was counted before; only when that is
 * more than six times as old as it may be do they wait. After a failure no caller waits: all get what was counted last,
 * however old, and it is tried again after `maxAgeMs`. Callers see a failure only when nothing was counted yet.
 */
export function createKeptCounts<T>(
  count: () => Promise<T>,
  { maxAgeMs, onFailure, monotonicMs = () => performance.now() }: KeptCountsOptions,
): () => Promise<T> {
  let kept: { counts: T; beganAtMs: number } | undefined
  let failedAtMs: number | undefined
  let counting: Promise<T> | undefined

  async function countAgain(): Promise<T> {
    const beganAtMs = monotonicMs()
    try {
      const counts = await count()
      kept = { counts, beganAtMs }
      failedAtMs = undefined
      return counts
    } catch (error) {
      failedAtMs = monotonicMs()
      onFailure(error)
      throw error
    }
  }

  function countOnce(): Promise<T> {
    counting ??= countAgain().finally(() => {
      counting = undefined
    })
    return counting
  }

  return async () => {
    if (maxAgeMs === 0) return await count()
    if (kept === undefined) return await countOnce()
    const { counts, beganAtMs } = kept
    const ageMs = monotonicMs() - beganAtMs
    if (ageMs < maxAgeMs) return counts
    if (failedAtMs !== undefined && monotonicMs() - failedAtMs < maxAgeMs) return counts
    const renewed = countOnce().catch(() => counts)
    return failedAtMs !== undefined || ageMs < maxAgeMs * STALE_FACTOR ? counts : await renewed
  }
}
