/** When strikes suspend an account; an operator may change each (README, "Settings"). */
export interface StrikeRules {
  /** So many strikes suspend. */
  readonly max: number
  /** A strike counts for so long. */
  readonly days: number
  readonly suspensionDays: number
}

const DAY_MS = 86_400_000

const daysAfter = (instant: Date, days: number) => new Date(instant.getTime() + days * DAY_MS)

/** Strikes that were recorded after this instant count. */
export const countedSince = (now: Date, { days }: StrikeRules) => daysAfter(now, -days)

export interface StrikeVerdict {
  readonly isLimitReached: boolean
  readonly suspendedUntil: Date | undefined
}

/** What follows from a strike, when `count` of them count with it (R-ORDER-6). */
export function judgeStrikes(count: number, now: Date, rules: StrikeRules): StrikeVerdict {
  const isLimitReached = count >= rules.max
  return {
    isLimitReached,
    suspendedUntil: isLimitReached ? daysAfter(now, rules.suspensionDays) : undefined,
  }
}
