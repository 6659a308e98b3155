import { withoutGaps } from '@auction/common/text.ts'
import type { AuthenticationMethod } from './fresh-proof.ts'

/** What a person can offer beside the password. */
export type FactorKind = 'totp' | 'recovery' | 'passkey'

/** What a factor of this kind proves, as RFC 8176 names it. */
export const METHOD_OF = {
  totp: 'otp',
  recovery: 'kba',
  passkey: 'hwk',
} as const satisfies Record<FactorKind, AuthenticationMethod>

/**
 * Whether who has it owns the account: what others got wrong before no longer counts (R-ACC-3). A code of six
 * digits is guessed too easily for that.
 */
export function provesOwnership(kind: FactorKind): boolean {
  return kind !== 'totp'
}

/** Codes of the step before and after count too: clocks differ, and people type slowly. */
export const TOTP_STEP_SECONDS = 30
export const TOTP_WINDOW_STEPS = 1

/** A secret that was shown but not confirmed is worth nothing after this time. */
export const ENROLMENT_SECONDS = 600

export const RECOVERY_CODE_COUNT = 10

/** A login whose password was right waits this long for its second factor. */
export const PENDING_LOGIN = { seconds: 300, triesMax: 5 } as const

/**
 * Tries of app codes per account, by whatever way. Of a million codes three are right at a time, so
 * the day's limit leaves a guesser who has the password one chance in ten thousand a day. No one
 * else can use the tries up, and recovery codes and passkeys work meanwhile.
 */
export const CODE_TRIES = {
  short: { seconds: 900, max: 10 },
  long: { seconds: 86_400, max: 30 },
} as const

const TOTP_CODE = /^\d{6}$/
const RECOVERY_CODE = /^[0-9A-HJKMNP-TV-Z]{24}$/

export type SecondFactorCode = { kind: 'totp'; code: string } | { kind: 'recovery'; code: string }

/**
 * What kind of code a person typed, in the spelling in which it is compared, or undefined when it
 * is none. Recovery codes are Crockford's base 32: case and dashes do not matter, and the letters
 * that look like digits are read as these. Codes are pasted with any blank or dash between their parts, and with
 * marks that are not seen.
 */
export function readCode(text: string): SecondFactorCode | undefined {
  const code = withoutGaps(text)
  if (TOTP_CODE.test(code)) return { kind: 'totp', code }
  const spelled = code.toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1')
  return RECOVERY_CODE.test(spelled) ? { kind: 'recovery', code: spelled } : undefined
}
