const AT_ONCE_MAX = 10
// Longer than all tries of a few requests to a provider.
const LEASE_MS = 2 * 60_000

export interface Taken {
  id: string
  wakes: number
}

/** Takes what is due until nothing is, `atOnce` at a time; several workers share it. */
export async function drainDue(
  take: (limit: number, leaseMs: number) => Promise<Taken[]>,
  advance: (taken: Taken) => Promise<void>,
  stopping?: AbortSignal,
  atOnce: () => number = () => AT_ONCE_MAX,
): Promise<void> {
  const running = new Set<Promise<void>>()
  const failures: unknown[] = []
  while (stopping?.aborted !== true && failures.length === 0) {
    const free = Math.max(0, atOnce() - running.size)
    const taken = free === 0 ? [] : await take(free, LEASE_MS)
    for (const one of taken) {
      const run = advance(one)
        .catch((error: unknown) => {
          failures.push(error)
        })
        .finally(() => running.delete(run))
      running.add(run)
    }
    if (running.size === 0) break
    // A slow provider of one keeps no other one waiting.
    if (taken.length < free || free === 0) await Promise.race(running)
  }
  await Promise.all(running)
  if (failures.length > 0) throw failures[0]
}
