import { Amount, CurrencyCode, Instant, OneOf, Uuid } from '@auction/common/http/schemas.ts'
import { formatAmount } from '@auction/common/money.ts'
import { type Static, Type } from 'typebox'
import {
  EXTENSION_MODES,
  effectiveThresholdMinutes,
  hardEndDate,
  ITEM_STATUSES,
  ITEM_TYPES,
  type Item,
  isOpen,
} from '#src/domain/item.ts'
import { depositOf } from '#src/domain/listing.ts'
import { WATCHERS_COUNTED_MAX } from '#src/infra/postgres/watchlist/watches.ts'
import { ImageAnswer } from './image-view.ts'

const itemFields = {
  id: Uuid,
  name: Type.String(),
  description: Type.String(),
  type: OneOf(ITEM_TYPES),
  sellerID: Uuid,
  buyerID: Type.Optional(
    Type.String({ description: 'The buyer; only for the seller and the buyer.' }),
  ),
  currencyCode: CurrencyCode,
  startPrice: Amount,
  currentPrice: Amount,
  bidIncrement: Type.Optional(Amount),
  hasReserve: Type.Boolean(),
  reserveMet: Type.Boolean(),
  reservePrice: Type.Optional(
    Type.String({ description: 'The hidden reserve; only for the seller.' }),
  ),
  buyoutPrice: Type.Optional(Amount),
  buyoutReservationMinutes: Type.Optional(
    Type.Integer({
      description: 'Who buys at once has so long to pay; without it, the item is sold at once.',
    }),
  ),
  depositAmount: Type.Optional(Amount),
  depositPercent: Type.Optional(
    Type.Integer({ description: 'Of the start price; instead of depositAmount.' }),
  ),
  deposit: Type.Optional(
    Type.String({ description: 'What the card of a bidder holds before a bid.' }),
  ),
  buyNowAvailable: Type.Boolean(),
  endPrice: Type.Optional(Amount),
  bidCount: Type.Integer(),
  categories: Type.Array(Uuid),
  startDate: Instant,
  endDate: Instant,
  originalEndDate: Instant,
  hardEndDate: Instant,
  status: OneOf(ITEM_STATUSES),
  outcome: Type.Optional(Type.String()),
  endReason: Type.Optional(Type.String()),
  extensionThresholdMinutes: Type.Integer(),
  extensionDurationMinutes: Type.Integer(),
  extensionMode: OneOf(EXTENSION_MODES),
  maxExtensionMinutes: Type.Integer(),
  maxExtensions: Type.Integer(),
  round: Type.Integer({ description: 'How often it has been up for auction, this time included.' }),
  relistOf: Type.Optional(Uuid),
  relistedAs: Type.Optional(Uuid),
  autoRelists: Type.Optional(
    Type.Integer({
      description: 'How often it is still put up again by itself; only for the seller.',
    }),
  ),
  relistPriceDropPercent: Type.Optional(
    Type.Integer({ description: 'By how much the start price falls then; only for the seller.' }),
  ),
  termsVersion: Type.Integer(),
  version: Type.Integer(),
  createdAt: Instant,
  updatedAt: Instant,
}

/** An item of a list, with the seed's field names. */
export const ItemBody = Type.Object(
  { ...itemFields, image: Type.Optional(ImageAnswer) },
  { title: 'Item' },
)
/** One item, with the server's time for countdowns. */
export const ItemAnswer = Type.Object(
  { ...itemFields, serverTime: Instant },
  { title: 'ItemAnswer' },
)
/** The item as a page shows it, with its pictures. */
export const ItemPage = Type.Object(
  {
    ...itemFields,
    images: Type.Array(ImageAnswer),
    withdrawal: Type.Optional(
      Type.Object(
        { reason: Type.String(), at: Instant },
        { description: 'Why its seller withdrew it; only the seller and moderators see it then.' },
      ),
    ),
    watchCount: Type.Integer({
      description: `How many people watch it, ${WATCHERS_COUNTED_MAX} at most.`,
    }),
    isWatched: Type.Optional(Type.Boolean({ description: 'Whether you do; only when logged in.' })),
    removal: Type.Optional(
      Type.Object(
        { reason: Type.String(), at: Instant },
        { description: 'Why a moderator removed it; only its seller and moderators see it then.' },
      ),
    ),
    serverTime: Instant,
  },
  { title: 'ItemPage' },
)

/** The item as this viewer may see it: the reserve is for its seller, the buyer's id for both. */
export function itemBody(item: Item, viewerId: string | undefined): Static<typeof ItemBody> {
  const money = (minor: bigint) => formatAmount(minor, item.currencyCode)
  const isSeller = viewerId === item.sellerId
  const { bidIncrement, reservePrice, buyoutPrice, endPrice, buyerId } = item
  const deposit = depositOf(item)
  return {
    id: item.id,
    name: item.name,
    description: item.description,
    type: item.type,
    sellerID: item.sellerId,
    ...(buyerId !== null && item.status === 'sold' && (isSeller || viewerId === buyerId)
      ? { buyerID: buyerId }
      : {}),
    currencyCode: item.currencyCode,
    startPrice: money(item.startPrice),
    currentPrice: money(item.currentPrice),
    ...(bidIncrement === null ? {} : { bidIncrement: money(bidIncrement) }),
    hasReserve: reservePrice !== null,
    reserveMet: item.reserveMet,
    ...(reservePrice === null || !isSeller ? {} : { reservePrice: money(reservePrice) }),
    ...(buyoutPrice === null ? {} : { buyoutPrice: money(buyoutPrice) }),
    ...(item.buyoutReservationMinutes === null
      ? {}
      : { buyoutReservationMinutes: item.buyoutReservationMinutes }),
    ...(item.depositAmount === null ? {} : { depositAmount: money(item.depositAmount) }),
    ...(item.depositPercent === null ? {} : { depositPercent: item.depositPercent }),
    ...(deposit === null ? {} : { deposit: money(deposit) }),
    buyNowAvailable: isOpen(item.status) && item.buyNowAvailable,
    ...(endPrice === null || item.status !== 'sold' ? {} : { endPrice: money(endPrice) }),
    bidCount: item.bidCount,
    categories: [...item.categoryIds],
    startDate: item.startDate.toISOString(),
    endDate: item.currentEndDate.toISOString(),
    originalEndDate: item.endDate.toISOString(),
    hardEndDate: hardEndDate(item).toISOString(),
    status: item.status,
    ...(item.outcome === null ? {} : { outcome: item.outcome }),
    ...(item.endReason === null || isOpen(item.status) ? {} : { endReason: item.endReason }),
    extensionThresholdMinutes: effectiveThresholdMinutes(item),
    extensionDurationMinutes: item.extensionDurationMinutes,
    extensionMode: item.extensionMode,
    maxExtensionMinutes: item.maxExtensionMinutes,
    maxExtensions: item.maxExtensions,
    round: item.round,
    ...(item.relistOf === null ? {} : { relistOf: item.relistOf }),
    ...(item.relistedAs === null ? {} : { relistedAs: item.relistedAs }),
    ...(isSeller && item.autoRelists > 0
      ? {
          autoRelists: item.autoRelists,
          relistPriceDropPercent: item.relistPriceDropPercent,
        }
      : {}),
    termsVersion: item.termsVersion,
    version: item.version,
    createdAt: item.createdAt.toISOString(),
    updatedAt: item.updatedAt.toISOString(),
  }
}

/** One item with the time on the server. */
export function itemAnswer(
  item: Item,
  now: Date,
  viewerId: string | undefined,
): Static<typeof ItemAnswer> {
  return { ...itemBody(item, viewerId), serverTime: now.toISOString() }
}
