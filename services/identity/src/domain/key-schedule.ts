import { ACCESS_TOKEN_LIFETIME_SECONDS } from './lifetimes.ts'

/** A new key is published this long before it signs, so that every verifier knows it by then. */
export const PUBLISHED_AHEAD_SECONDS = 600

/** A process that could not read the keys for this long signs nothing any more. */
export const KEYS_STALE_SECONDS = 300

const CLOCK_DIFFERENCE_SECONDS = 60

/**
 * How long a key stays published after its successor began to sign: until the last process has
 * noticed, and the last token that it signed has expired.
 */
export const RETIRED_AFTER_SECONDS =
  KEYS_STALE_SECONDS + ACCESS_TOKEN_LIFETIME_SECONDS + CLOCK_DIFFERENCE_SECONDS

export type KeyState = 'waiting' | 'signing' | 'replaced' | 'retired'

export interface KeyTimes {
  kid: string
  activatesAt: Date
  retiresAt: Date | null
}

/** What each key is at this moment: the newest active one signs, younger ones wait. */
export function judgeKeys<K extends KeyTimes>(
  keys: readonly K[],
  now: Date,
): (K & { state: KeyState })[] {
  const newestFirst = keys.toSorted((a, b) => b.activatesAt.getTime() - a.activatesAt.getTime())
  const isRetired = (key: K) => key.retiresAt !== null && key.retiresAt <= now
  const signing = newestFirst.find((key) => key.activatesAt <= now && !isRetired(key))
  return newestFirst.map((key) => {
    if (isRetired(key)) return { ...key, state: 'retired' }
    if (key.activatesAt > now) return { ...key, state: 'waiting' }
    return { ...key, state: key === signing ? 'signing' : 'replaced' }
  })
}

/** True when the next key must be made now in order to sign after that many days. */
export function isRotationDue(
  keys: readonly { activatesAt: Date; state: KeyState }[],
  now: Date,
  rotationDays: number,
): boolean {
  if (keys.some(({ state }) => state === 'waiting')) return false
  const signing = keys.find(({ state }) => state === 'signing')
  if (signing === undefined) return true
  const signsSinceSeconds = (now.getTime() - signing.activatesAt.getTime()) / 1000
  return signsSinceSeconds >= rotationDays * 86_400 - PUBLISHED_AHEAD_SECONDS
}
