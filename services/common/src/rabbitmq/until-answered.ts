import { setTimeout as wait } from 'node:timers/promises'

const ANSWER_MAX_MS = 3_000

/**
 * Waits for the broker's answer when something is ended, but no longer than three seconds: a broker that
 * went without a word answers never, and a process that stops must not wait until its heartbeats say so.
 */
export async function untilAnswered(ending: Promise<unknown>): Promise<void> {
  const timeout = new AbortController()
  const late = wait(ANSWER_MAX_MS, undefined, { signal: timeout.signal, ref: false })
  // What is lost already cannot be ended once more; gone is what we want.
  await Promise.race([ending.catch(() => undefined), late.catch(() => undefined)])
  timeout.abort()
}
