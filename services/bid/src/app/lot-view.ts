import { Amount, CurrencyCode, Instant, OneOf, Uuid } from '@auction/common/http/schemas.ts'
import { formatAmount } from '@auction/common/money.ts'
import { type Static, Type } from 'typebox'
import { announcedMinimum, effectivePhase, isBuyNowOpen, timesExtended } from '#src/domain/lot.ts'
import type { BidSettings } from '#src/domain/settings.ts'
import type { LotView } from '#src/infra/postgres/lots.ts'

/** A lot as every visitor may see it: never a maximum, never the reserve's amount, never who leads. */
export const LotAnswer = Type.Object(
  {
    itemId: Uuid,
    phase: OneOf(['pending', 'open', 'reserved', 'closing', 'closed', 'cancelled']),
    currencyCode: CurrencyCode,
    startPrice: Amount,
    currentPrice: Type.Optional(Amount),
    minNextBid: Type.Optional(Amount),
    bidCount: Type.Integer(),
    leaderAlias: Type.Optional(Type.String()),
    hasReserve: Type.Boolean(),
    reserveMet: Type.Boolean(),
    buyNowAvailable: Type.Boolean(),
    startDate: Instant,
    endDate: Instant,
    hardEndDate: Instant,
    extensionCount: Type.Integer(),
    /** The end was moved then, because bids could not be placed before it. */
    outageExtendedAt: Type.Optional(Instant),
    termsVersion: Type.Integer(),
    outcome: Type.Optional(Type.String()),
    finalAmount: Type.Optional(Amount),
    sequence: Type.Integer(),
    serverTime: Instant,
  },
  { title: 'Lot' },
)

export const isoInstant = (epochMs: number) => new Date(epochMs).toISOString()

/** "bidder 3": the same on one lot for ever, and different from lot to lot. */
export const alias = (number: number) => `bidder ${number}`

export function lotAnswer(
  { lot, leaderNumber, nowMs }: LotView,
  settings: BidSettings,
): Static<typeof LotAnswer> {
  const money = (minor: bigint) => formatAmount(minor, lot.currencyCode)
  const phase = effectivePhase(lot, nowMs)
  const takesBids = phase === 'pending' || phase === 'open'
  const minimum = takesBids ? announcedMinimum(lot, settings) : undefined
  return {
    itemId: lot.itemId,
    phase,
    currencyCode: lot.currencyCode,
    startPrice: money(lot.startPrice),
    ...(lot.currentPrice === null ? {} : { currentPrice: money(lot.currentPrice) }),
    ...(minimum === undefined ? {} : { minNextBid: money(minimum) }),
    bidCount: lot.bidCount,
    ...(leaderNumber === null ? {} : { leaderAlias: alias(leaderNumber) }),
    hasReserve: lot.reservePrice !== null,
    reserveMet: lot.reserveMet,
    buyNowAvailable: takesBids && isBuyNowOpen(lot, settings),
    startDate: isoInstant(lot.startsAtMs),
    endDate: isoInstant(lot.endsAtMs),
    hardEndDate: isoInstant(lot.hardEndsAtMs),
    extensionCount: timesExtended(lot),
    ...(lot.outageExtendedAtMs === null
      ? {}
      : { outageExtendedAt: isoInstant(lot.outageExtendedAtMs) }),
    termsVersion: lot.termsVersion,
    ...(lot.outcome === null ? {} : { outcome: lot.outcome }),
    ...(lot.finalAmount === null ? {} : { finalAmount: money(lot.finalAmount) }),
    sequence: lot.sequence,
    serverTime: isoInstant(nowMs),
  }
}
