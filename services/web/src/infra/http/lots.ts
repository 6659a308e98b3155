import { type Static, Type } from 'typebox'
import type { ServiceAnswer } from './service-client.ts'
import type { Services } from './services.ts'
import { Image, Instant, ItemFields } from './shapes.ts'

const optional = Type.Optional

const Item = Type.Object({
  ...ItemFields,
  description: Type.String(),
  sellerID: Type.String(),
  termsVersion: Type.Integer(),
  extensionThresholdMinutes: Type.Integer(),
  extensionDurationMinutes: Type.Integer(),
  extensionMode: Type.String(),
  images: Type.Array(Image),
  watchCount: Type.Integer(),
  isWatched: optional(Type.Boolean()),
})

const Lot = Type.Object({
  itemId: Type.String(),
  phase: Type.String(),
  currencyCode: Type.String(),
  startPrice: Type.String(),
  currentPrice: optional(Type.String()),
  minNextBid: optional(Type.String()),
  bidCount: Type.Integer(),
  leaderAlias: optional(Type.String()),
  hasReserve: Type.Boolean(),
  reserveMet: Type.Boolean(),
  buyNowAvailable: Type.Boolean(),
  buyoutPrice: optional(Type.String()),
  buyoutMode: optional(Type.String()),
  buyoutReservationMinutes: optional(Type.Number()),
  /** What the card of a bidder holds before a bid. */
  deposit: optional(Type.String()),
  startDate: Instant,
  endDate: Instant,
  hardEndDate: Instant,
  extensionCount: Type.Integer(),
  termsVersion: Type.Integer(),
  outcome: optional(Type.String()),
  finalAmount: optional(Type.String()),
  sequence: Type.Integer(),
  serverTime: Instant,
})

const History = Type.Object({
  bids: Type.Array(
    Type.Object({
      bidder: Type.String(),
      kind: Type.String(),
      amount: Type.String(),
      bidAt: Instant,
    }),
  ),
})

const Standing = Type.Object({
  status: optional(Type.String()),
  alias: optional(Type.String()),
  myMaxAmount: optional(Type.String()),
  isSeller: Type.Boolean(),
  isBlocked: Type.Boolean(),
  /** Absent as long as an older bid answers. */
  isReservedForMe: optional(Type.Boolean()),
})

const CommentFields = {
  id: Type.String(),
  kind: Type.String(),
  content: Type.String(),
  state: Type.String(),
  is_seller: Type.Boolean(),
  created_at: Instant,
}
const Comments = Type.Object({
  items: Type.Array(
    Type.Object({ ...CommentFields, replies: Type.Array(Type.Object(CommentFields)) }),
  ),
})

const Attributes = Type.Object({
  items: Type.Array(Type.Object({ key: Type.String(), value: Type.String() })),
})

const Seller = Type.Object({
  name: Type.String(),
  city: Type.Union([Type.String(), Type.Null()]),
  country: Type.Union([Type.String(), Type.Null()]),
  description: Type.Union([Type.String(), Type.Null()]),
  isBusiness: Type.Boolean(),
  createdAt: Instant,
})

export type ItemPageView = Static<typeof Item>
export type LotView = Static<typeof Lot>
export type HistoryView = Static<typeof History>
export type StandingView = Static<typeof Standing>
export type CommentsView = Static<typeof Comments>
export type AttributesView = Static<typeof Attributes>
export type SellerView = Static<typeof Seller>

const HISTORY_LIMIT = 30

type Authorization = string | undefined

/** What the page of a lot reads and does. What all see alike is read without a caller. */
export interface Lots {
  readItem(id: string, authorization: Authorization): Promise<ItemPageView | undefined>
  readLot(id: string): Promise<LotView | undefined>
  readHistory(id: string): Promise<HistoryView | undefined>
  readStanding(id: string, authorization: Authorization): Promise<StandingView | undefined>
  readComments(id: string): Promise<CommentsView | undefined>
  readAttributes(id: string): Promise<AttributesView | undefined>
  readSeller(id: string): Promise<SellerView | undefined>
  placeBid(id: string, key: string, bid: object, as: Authorization): Promise<ServiceAnswer>
  buyNow(id: string, key: string, purchase: object, as: Authorization): Promise<ServiceAnswer>
  setWatch(id: string, isWatched: boolean, as: Authorization): Promise<ServiceAnswer>
  writeComment(id: string, comment: object, as: Authorization): Promise<ServiceAnswer>
  report(id: string, report: object, as: Authorization): Promise<ServiceAnswer>
}

export function createLots({ auction, bid, identity }: Services): Lots {
  const item = (id: string) => `/api/v1/items/${encodeURIComponent(id)}`
  const lot = (id: string) => `/api/v1/lots/${encodeURIComponent(id)}`
  return {
    readItem: (id, authorization) => auction.read(item(id), Item, authorization),
    readLot: (id) => bid.read(lot(id), Lot),
    readHistory: (id) => bid.read(`${lot(id)}/bids?limit=${HISTORY_LIMIT}`, History),
    readStanding: (id, authorization) => bid.read(`${lot(id)}/mine`, Standing, authorization),
    readComments: (id) => auction.read(`${item(id)}/comments?limit=50`, Comments),
    readAttributes: (id) => auction.read(`${item(id)}/attributes`, Attributes),
    readSeller: (id) => identity.read(`/api/v1/user-profiles/${encodeURIComponent(id)}`, Seller),
    placeBid: (id, idempotencyKey, body, authorization) =>
      bid.send('POST', `${lot(id)}/bids`, { body, authorization, idempotencyKey }),
    buyNow: (id, idempotencyKey, body, authorization) =>
      bid.send('POST', `${lot(id)}/buy-now`, { body, authorization, idempotencyKey }),
    setWatch: (id, isWatched, authorization) =>
      auction.send(isWatched ? 'PUT' : 'DELETE', `${item(id)}/watch`, { authorization }),
    writeComment: (id, body, authorization) =>
      auction.send('POST', `${item(id)}/comments`, { body, authorization }),
    report: (id, body, authorization) =>
      auction.send('POST', `${item(id)}/report`, { body, authorization }),
  }
}
