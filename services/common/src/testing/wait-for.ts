import { setTimeout as wait } from 'node:timers/promises'

/** Long enough that only what never comes reaches it, also on a machine that is ten times as busy. */
const HOPELESS_MS = 120_000

/**
 * Checks the condition again and again until it is neither undefined nor false, and returns its
 * value. Throws naming `what` when that takes too long: a test waits for conditions, never for time.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeoutMs = HOPELESS_MS,
  pauseMs = 10,
): Promise<NonNullable<T>> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const answer = await condition()
    if (answer !== undefined && answer !== null && answer !== false) return answer
    if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`)
    await wait(pauseMs)
  }
}
