/** Signals that a bidder may bid for the seller (domain rules 3.10). None of them blocks anything. */
export const FLAG_KINDS = [
  'same_address',
  'only_one_seller',
  'never_wins',
  'new_account_last_seconds',
] as const
export type FlagKind = (typeof FLAG_KINDS)[number]

/** Lots of one seller, and of nobody else, that a bidder has bid on. */
export const ONE_SELLER_ITEMS_MIN = 3
/** Lots that others bought over a bidder who never bought any. */
export const NEVER_WINS_ITEMS_MIN = 10
/** An account is new for so long. */
export const NEW_ACCOUNT_DAYS = 7
/** How much before the end, as it was then, the last seconds begin. */
export const LAST_SECONDS = 60
