/** What is tried: passwords, second factors, mails to a forgotten password, new accounts, photos. */
export type ThrottleScope = 'password' | 'code' | 'forgot' | 'register' | 'photo'

/** What a try is counted against: a pair is one account from one address. */
export type ThrottleSubject = 'account' | 'address' | 'pair' | 'device'

export interface ThrottleLimit {
  triesMax: number
  windowSeconds: number
  /** A window after a full one is twice as long, up to this. */
  waitMaxSeconds: number
}

export interface ThrottleSettings {
  triesPerAccount: number
  triesPerAddress: number
}

export type ThrottleLimits = Record<ThrottleScope, Record<ThrottleSubject, ThrottleLimit>>

const QUARTER_HOUR = 900
const HOUR = 3_600
/** Uploads are decoded, which costs whether they are good or not. */
const PHOTOS_MAX = 20

/** A full window that ended longer ago than this no longer makes the next one longer. */
export const FILLS_FORGOTTEN_SECONDS = 86_400

/** Addresses and devices of an account: so many are remembered, for so long after the last login. */
export const KNOWN_ORIGINS_MAX = 20
export const KNOWN_ORIGIN_DAYS = 90

/**
 * The limits of everything that is tried. The window of an account never grows, because strangers
 * fill it. A pair has half of what its account has, so that one stranger leaves tries for an owner
 * at a new place.
 */
export function limitsOf({ triesPerAccount, triesPerAddress }: ThrottleSettings): ThrottleLimits {
  const steady = (triesMax: number) => limit(triesMax, QUARTER_HOUR)
  const growing = (triesMax: number) => limit(triesMax, HOUR)
  const common = {
    account: steady(triesPerAccount),
    address: growing(triesPerAddress),
    pair: growing(Math.max(1, Math.floor(triesPerAccount / 2))),
    device: growing(triesPerAccount),
  }
  const forgot = { ...common, address: growing(Math.max(1, Math.floor(triesPerAddress / 5))) }
  const photo = { ...common, account: steady(PHOTOS_MAX) }
  return { password: common, code: common, forgot, register: common, photo }
}

const limit = (triesMax: number, waitMaxSeconds: number): ThrottleLimit => ({
  triesMax,
  windowSeconds: QUARTER_HOUR,
  waitMaxSeconds,
})

export type Origin = 'device' | 'address' | 'unknown'

/**
 * What a try with a password is counted against. Where the account was logged in to before, the
 * account's own counter is left out, because strangers fill it; a known device is counted alone, so
 * that others behind the same address do not block it.
 */
export function subjectsFrom(origin: Origin): ThrottleSubject[] {
  switch (origin) {
    case 'device':
      return ['device']
    case 'address':
      return ['pair', 'address']
    case 'unknown':
      return ['pair', 'address', 'account']
  }
}
