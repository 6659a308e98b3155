import { Amount, CurrencyCode, Instant, OneOf, Uuid } from '@auction/common/http/schemas.ts'
import { formatAmount } from '@auction/common/money.ts'
import { type Static, Type } from 'typebox'
import {
  announcedMinimum,
  effectivePhase,
  isBuyNowOpen,
  type Lot,
  timesExtended,
} from '#src/domain/lot.ts'
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
    /** The price of buying at once, as long as that is possible or the lot is reserved. */
    buyoutPrice: Type.Optional(Amount),
    /** What buying does: `immediate` ends the lot, `reserved` holds it for the buyer until it is paid. */
    buyoutMode: Type.Optional(OneOf(['immediate', 'reserved'])),
    buyoutReservationMinutes: Type.Optional(Type.Integer()),
    /** Who bids or buys has so much held by a card for this lot before. */
    deposit: Type.Optional(Amount),
    /** Until then the lot is reserved for a buyer, and takes no bids. */
    reservedUntil: Type.Optional(Instant),
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

function buyNowTerms({ buyNowPrice, buyNowMode, buyNowReservationMs, currencyCode }: Lot) {
  if (buyNowPrice === null) return {}
  return {
    buyoutPrice: formatAmount(buyNowPrice, currencyCode),
    buyoutMode: buyNowMode,
    ...(buyNowMode === 'reserved'
      ? { buyoutReservationMinutes: buyNowReservationMs / MINUTE_MS }
      : {}),
  }
}

const MINUTE_MS = 60_000

export function lotAnswer(
  { lot, leaderNumber, nowMs }: LotView,
  settings: BidSettings,
): Static<typeof LotAnswer> {
  const money = (minor: bigint) => formatAmount(minor, lot.currencyCode)
  const phase = effectivePhase(lot, nowMs)
  const takesBids = phase === 'pending' || phase === 'open'
  const isBuyNow = takesBids && isBuyNowOpen(lot, settings)
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
    buyNowAvailable: isBuyNow,
    ...(isBuyNow || phase === 'reserved' ? buyNowTerms(lot) : {}),
    ...(lot.deposit === null ? {} : { deposit: money(lot.deposit) }),
    ...(phase === 'reserved' && lot.reservedUntilMs !== null
      ? { reservedUntil: isoInstant(lot.reservedUntilMs) }
      : {}),
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
