import { hash } from 'node:crypto'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { DecidedBid } from '#src/domain/bid-record.ts'

/** One bid as the route received it: its shape is checked, nothing is decided. */
export interface BidCommand {
  bidId: string
  itemId: string
  bidderId: string
  /** As the caller wrote it; whether it is an amount depends on the lot's currency. */
  maxAmount: string
  currencyCode: string | undefined
  termsVersion: number | undefined
  confirmation: string | undefined
  idempotencyKey: string | null
  /** Two requests with the same hash ask for the same thing. */
  requestHash: string
  /** Monotonic milliseconds of this process when the whole request, body included, had arrived. */
  receivedAtMs: number
  trace: Trace
}

/** What became of a bid. Only `decided` was written to the ledger. */
export type Decision =
  | { kind: 'decided'; record: DecidedBid; currencyCode: string; isRepeat: boolean }
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
