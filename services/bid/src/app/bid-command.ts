import { hash } from 'node:crypto'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { DecidedRequest } from '#src/domain/bid-record.ts'

/** What a route received for a lot: its shape is checked, nothing is decided. */
interface Command {
  /** The id that the bid, or the purchase, is to have. */
  bidId: string
  itemId: string
  /** Who bids, or buys. */
  bidderId: string
  termsVersion: number | undefined
  idempotencyKey: string | null
  /** Two requests with the same hash ask for the same thing. */
  requestHash: string
  /** Monotonic milliseconds of this process when the whole request, body included, had arrived. */
  receivedAtMs: number
  trace: Trace
}

export interface BidCommand extends Command {
  kind: 'bid'
  /** As the caller wrote it; whether it is an amount depends on the lot's currency. */
  maxAmount: string
  currencyCode: string | undefined
  confirmation: string | undefined
}

export interface PurchaseCommand extends Command {
  kind: 'buy_now'
  /** The price that the buyer saw. */
  price: string | undefined
}

/** Bids and purchases go through the same batches and lanes, so each finds what came before it (R-BID-22). */
export type LotCommand = BidCommand | PurchaseCommand

/** What became of a request. Only `decided` was written to the ledger. */
export type Decision =
  | { kind: 'decided'; record: DecidedRequest; currencyCode: string; isRepeat: boolean }
  | { kind: 'lot_not_found' }
  | { kind: 'key_reused' }
  | { kind: 'waited_too_long' }

/** What one transaction made of a bid: a decision, or why it has none. */
export type BatchAnswer =
  | Decision
  /** Another transaction holds the lot, and this one did not wait for it. */
  | { kind: 'lot_held' }
  /** Deciding this bid threw an error, and no other bid is concerned. */
  | { kind: 'failed'; error: unknown }

/** What a request asks for, without its caller and its time. */
export interface BidContent {
  itemId: string
  maxAmount: string
  currencyCode?: string | undefined
  termsVersion?: number | undefined
  confirmation?: string | undefined
}

/** Equal for two requests that ask for the same thing. */
export function requestHash(content: BidContent): string {
  const { itemId, maxAmount, currencyCode = '', termsVersion = '', confirmation = '' } = content
  return hash(
    'sha256',
    `${itemId}\n${maxAmount}\n${currencyCode}\n${termsVersion}\n${confirmation}`,
    'base64url',
  )
}

/** The same of a purchase; equal to that of no bid. */
export function purchaseHash(content: {
  itemId: string
  price?: string | undefined
  termsVersion?: number | undefined
}): string {
  const { itemId, price = '', termsVersion = '' } = content
  return hash('sha256', `buy-now\n${itemId}\n${price}\n${termsVersion}`, 'base64url')
}

/** Keys of purchases are kept apart from those of bids: no key of a caller has a slash. */
export const purchaseKey = (key: string | null) => (key === null ? null : `buy-now/${key}`)
