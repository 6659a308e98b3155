/** Signals that a bidder may bid for the seller (R-MOD-6). None of them blocks anything. */
export const FLAG_KINDS = [
  'same_address',
  'only_one_seller',
  'never_wins',
  'new_account_last_seconds',
] as const
export type FlagKind = (typeof FLAG_KINDS)[number]

/** Lots a bidder has bid on, all of one seller. */
export const ONE_SELLER_ITEMS_MIN = 3
/** Sold lots that a bidder bid on and did not win, without ever winning one. */
export const NEVER_WINS_ITEMS_MIN = 10
/** So many of a bidder's latest lots are judged: a bidder of many years costs no more than one of a month. */
export const JUDGED_LOTS_MAX = 200
/** How long an account is new. */
export const NEW_ACCOUNT_DAYS = 7
/** How much before the end, as it was then, the last seconds begin. */
export const LAST_SECONDS = 60
