const MINUTE = 60
const HOUR = 60 * MINUTE

/** How long after each failed attempt the next one is made; after the last one there is none. */
export const RETRY_DELAYS_SECONDS: readonly number[] = [
  5,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  10 * HOUR,
]

const JITTER = 0.1
/** By so much an endpoint may lengthen a delay by Retry-After. */
const RETRY_AFTER_FACTOR = 2

/**
 * After how many seconds a message is sent again that failed `tries` times; undefined when it was the last
 * time. `chance` is from 0 to 1: what failed together does not come back together.
 */
export function retryDelaySeconds(
  tries: number,
  retryAfterSeconds: number | undefined,
  chance: number,
): number | undefined {
  const planned = RETRY_DELAYS_SECONDS[tries - 1]
  if (planned === undefined) return undefined
  const delay = planned * (1 - JITTER + 2 * JITTER * chance)
  return Math.max(delay, Math.min(retryAfterSeconds ?? 0, RETRY_AFTER_FACTOR * planned))
}

/** The seconds of a header Retry-After: a number or a date; undefined for everything else. */
export function readRetryAfter(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header)
  // Dates of HTTP are in GMT; `Date.parse` would take many other things.
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(header)) {
    return undefined
  }
  const seconds = (Date.parse(header) - now.getTime()) / 1_000
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds)
}
