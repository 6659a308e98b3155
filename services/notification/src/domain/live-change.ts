import {
  bidBuyNow,
  bidClosed,
  bidExtended,
  bidLost,
  bidOutbid,
  bidPlaced,
  bidReleased,
  bidReserveMet,
} from '@auction/common/contracts/bid.ts'
import { type Envelope, type EventContract, readEvent } from '@auction/common/contracts/event.ts'
import type { Static, TObject } from 'typebox'

/** A lot as all may see it, by the names of `GET /api/v1/lots/:id`; never who leads or a maximum. */
export interface LiveLot {
  readonly itemId: string
  readonly phase: 'open' | 'reserved' | 'closed' | 'cancelled'
  readonly currencyCode?: string
  readonly currentPrice?: string
  readonly minNextBid?: string
  readonly bidCount: number
  readonly reserveMet: boolean
  readonly buyNowAvailable: boolean
  readonly endDate: string
  readonly extensionCount: number
  readonly outcome?: string
  readonly finalAmount?: string
  readonly sequence: number
}

/** How a bidder stands on a lot. */
export type Standing = 'leading' | 'outbid' | 'won' | 'lost'

/** What an event says of its lot. */
export type LotNews =
  /** The whole public state. */
  | { readonly kind: 'whole'; readonly lot: LiveLot }
  /** A part of it, of which nothing can be shown unless the change before is known. */
  | { readonly kind: 'part'; readonly part: Partial<LiveLot> }
  /** Nothing that others may see. */
  | { readonly kind: 'none' }

export interface LiveChange {
  readonly itemId: string
  readonly sequence: number
  /** When the event was made, epoch milliseconds; 0 when it does not say so. */
  readonly madeAtMs: number
  readonly news: LotNews
  readonly standings: readonly { readonly userId: string; readonly standing: Standing }[]
}

type Reader = (content: Buffer, messageId?: string) => LiveChange | undefined

const NOTHING: LotNews = { kind: 'none' }

const READERS: ReadonlyMap<string, Reader> = new Map([
  reads(bidPlaced, ({ payload }) => ({
    news: placedNews(payload),
    standings: placedStandings(payload),
  })),
  reads(bidOutbid, ({ payload }) => ({
    news: NOTHING,
    standings: [{ userId: payload.userId, standing: 'outbid' }],
  })),
  reads(bidReserveMet, ({ payload: { currentPrice, buyNowAvailable } }) => ({
    news: { kind: 'part', part: { reserveMet: true, currentPrice, buyNowAvailable } },
    standings: [],
  })),
  reads(bidExtended, ({ payload: { endDate, extensionCount } }) => ({
    news: { kind: 'part', part: { endDate, extensionCount } },
    standings: [],
  })),
  reads(bidBuyNow, ({ payload: { reservedUntil } }) => ({
    // What was bought at once is closed by an event of the same sequence.
    news:
      reservedUntil === undefined
        ? NOTHING
        : { kind: 'part', part: { phase: 'reserved', buyNowAvailable: false } },
    standings: [],
  })),
  reads(bidReleased, ({ payload: { buyNowAvailable } }) => ({
    news: { kind: 'part', part: { phase: 'open', buyNowAvailable } },
    standings: [],
  })),
  reads(bidClosed, ({ payload }) => ({
    news: closedNews(payload),
    standings:
      payload.winnerId === undefined ? [] : [{ userId: payload.winnerId, standing: 'won' }],
  })),
  reads(bidLost, ({ payload }) => ({
    news: NOTHING,
    standings: payload.userIds.map((userId) => ({ userId, standing: 'lost' })),
  })),
])

/**
 * Reads an event of the live stream. Undefined for what says nothing here: an event of another kind,
 * or one of the original without a sequence, which cannot be ordered. Throws InvalidEventError.
 */
export function readChange(
  key: string,
  content: Buffer,
  messageId?: string,
): LiveChange | undefined {
  return READERS.get(key)?.(content, messageId)
}

function reads<P extends TObject>(
  contract: EventContract<P>,
  say: (event: Envelope<Static<P>>) => Pick<LiveChange, 'news' | 'standings'>,
): [string, Reader] {
  const read: Reader = (content, messageId) => {
    const event = readEvent(contract, content, messageId)
    const { itemId, sequence } = event.payload as { itemId: string; sequence?: number }
    if (sequence === undefined) return undefined
    return { itemId, sequence, madeAtMs: Date.parse(event.timestamp) || 0, ...say(event) }
  }
  return [contract.key, read]
}

function placedNews(payload: Static<typeof bidPlaced.payload>): LotNews {
  const { itemId, currencyCode, currentPrice, minNextBid, bidCount, endDate, sequence } = payload
  const { reserveMet, buyNowAvailable = false, extensionCount = 0 } = payload
  const isWhole =
    currentPrice !== undefined &&
    bidCount !== undefined &&
    reserveMet !== undefined &&
    endDate !== undefined &&
    sequence !== undefined
  if (!isWhole) return { kind: 'part', part: {} }
  return {
    kind: 'whole',
    lot: {
      itemId,
      phase: 'open',
      ...(currencyCode === undefined ? {} : { currencyCode }),
      currentPrice,
      ...(minNextBid === undefined ? {} : { minNextBid }),
      bidCount,
      reserveMet,
      buyNowAvailable,
      endDate,
      extensionCount,
      sequence,
    },
  }
}

/** A bid that is outbid at once has another leader than its bidder. */
function placedStandings({
  userId,
  leaderId,
}: Static<typeof bidPlaced.payload>): LiveChange['standings'] {
  if (leaderId === undefined) return []
  const leading = { userId: leaderId, standing: 'leading' } as const
  if (userId === undefined || userId === leaderId) return [leading]
  return [leading, { userId, standing: 'outbid' }]
}

function closedNews(payload: Static<typeof bidClosed.payload>): LotNews {
  const { itemId, outcome, currencyCode, currentPrice, finalAmount, bidCount } = payload
  const { reserveMet, endDate, extensionCount = 0, sequence } = payload
  return {
    kind: 'whole',
    lot: {
      itemId,
      phase: outcome === 'cancelled' ? 'cancelled' : 'closed',
      currencyCode,
      ...(currentPrice === undefined ? {} : { currentPrice }),
      bidCount,
      reserveMet,
      buyNowAvailable: false,
      endDate,
      extensionCount,
      outcome,
      ...(finalAmount === undefined ? {} : { finalAmount }),
      sequence,
    },
  }
}
