/** What is reported of a mail after a server took it. */
export const REPORT_KINDS = ['hard_bounce', 'soft_bounce', 'complaint'] as const
export type ReportKind = (typeof REPORT_KINDS)[number]

/** A return address is believed for so long. Reports come within days; a later one is about another time. */
export const REPORT_DAYS_MAX = 60

export const SOFT_BOUNCES_MAX = 5
export const SOFT_BOUNCE_DAYS_MIN = 3
/** Older soft bounces do not count. */
export const SOFT_BOUNCE_DAYS_MAX = 30

// No such mailbox, domain or syntax; moved; disabled. Not 5.7.1, which is often a mistake in our own settings.
const DEAD_ADDRESS = /^5\.(?:1\.(?:1|2|3|6|10)|2\.1)$/

/** Whether an enhanced status (RFC 3463) says that no mail will ever reach the address. */
export const isDeadAddress = (status: string): boolean => DEAD_ADDRESS.test(status)

/** Soft bounces of one address that count. */
export interface SoftBounces {
  readonly mails: number
  /** Between the first and the last. */
  readonly days: number
}

/** A mailbox that is full for a day is no dead one, and one bad day of a server bounces many mails. */
export const isDeadBySoftBounces = ({ mails, days }: SoftBounces): boolean =>
  mails >= SOFT_BOUNCES_MAX && days >= SOFT_BOUNCE_DAYS_MIN
