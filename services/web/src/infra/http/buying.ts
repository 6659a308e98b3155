import { type Static, Type } from 'typebox'
import { type ServiceAnswer, UpstreamError } from './service-client.ts'
import type { Services } from './services.ts'
import { Image, Instant, ListedItem } from './shapes.ts'

const optional = Type.Optional

const OrderFields = {
  id: Type.String(),
  itemId: Type.String(),
  itemName: optional(Type.String()),
  role: Type.String(),
  sellerId: Type.String(),
  state: Type.String(),
  cancelReason: optional(Type.String()),
  currencyCode: Type.String(),
  amount: Type.String(),
  premium: Type.String(),
  deliveryFee: Type.String(),
  total: Type.String(),
  refundedTotal: Type.String(),
  chargeback: optional(Type.String()),
  wonAt: Instant,
  dueAt: Instant,
  reservedUntil: optional(Instant),
  cancelAt: Instant,
  paidAt: optional(Instant),
  isBeingPaid: Type.Boolean(),
}
export const OrderSummary = Type.Object(OrderFields)

export const OrderList = Type.Object({
  orders: Type.Array(OrderSummary),
  nextCursor: optional(Type.String()),
  counts: Type.Array(Type.Object({ state: Type.String(), count: Type.Integer() })),
})

const Address = Type.Object({
  name: Type.String(),
  line1: Type.String(),
  line2: Type.String(),
  postalCode: Type.String(),
  city: Type.String(),
  region: Type.String(),
  country: Type.String(),
})

export const Order = Type.Object({
  ...OrderFields,
  delivery: optional(Type.String()),
  address: optional(Address),
  shipments: Type.Array(
    Type.Object({
      carrier: Type.String(),
      trackingNumber: optional(Type.String()),
      trackingUrl: optional(Type.String()),
      shippedAt: Instant,
    }),
  ),
  cancellationAskedBy: optional(Type.String()),
  strike: optional(Type.String()),
  actions: Type.Array(Type.String()),
  timeline: Type.Array(Type.Object({ state: Type.String(), by: Type.String(), at: Instant })),
  serverTime: Instant,
})

export const Dispute = Type.Object({
  reason: Type.String(),
  openedAt: Instant,
  answerBy: Instant,
  resolution: optional(Type.String()),
  refundAmount: optional(Type.String()),
  messages: Type.Array(
    Type.Object({ author: Type.String(), content: Type.String(), writtenAt: Instant }),
  ),
})

const Payments = Type.Object({
  payments: Type.Array(
    Type.Object({
      id: Type.String(),
      state: Type.String(),
      currencyCode: Type.String(),
      amount: Type.String(),
      orders: Type.Array(Type.Object({ orderId: Type.String() })),
      next: Type.Object({ kind: Type.String(), url: optional(Type.String()) }),
      expiresAt: Instant,
    }),
  ),
})

const Invoices = Type.Object({
  invoices: Type.Array(
    Type.Object({ id: Type.String(), number: Type.String(), kind: Type.String() }),
  ),
})

const OfferFields = {
  offerId: Type.String(),
  itemId: Type.String(),
  kind: Type.String(),
  amount: Type.String(),
  currencyCode: Type.String(),
  state: Type.String(),
  expiresAt: Instant,
  serverTime: Instant,
}
const Offer = Type.Object(OfferFields)
const Offers = Type.Object({
  offers: Type.Array(Offer),
  nextBefore: optional(Type.String()),
})
const OfferPreferences = Type.Object({ wantsOffers: Type.Boolean() })

const Watchlist = Type.Object({
  items: Type.Array(Type.Object({ item: ListedItem })),
  nextCursor: optional(Type.String()),
})

const SavedSearches = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      filters: Type.Record(Type.String(), Type.Unknown()),
      createdAt: Instant,
    }),
  ),
})

const Pictured = Type.Object({ name: Type.String(), images: Type.Array(Image) })

export type OrderSummaryView = Static<typeof OrderSummary>
export type OrderListView = Static<typeof OrderList>
export type OrderView = Static<typeof Order>
export type AddressView = Static<typeof Address>
export type DisputeView = Static<typeof Dispute>
export type PaymentView = Static<typeof Payments>['payments'][number]
export type InvoiceView = Static<typeof Invoices>['invoices'][number]
export type OfferView = Static<typeof Offer>
export type OfferListView = Static<typeof Offers>
export type WatchlistView = Static<typeof Watchlist>
export type SavedSearchView = Static<typeof SavedSearches>['items'][number]
export type PicturedView = Static<typeof Pictured>

const Deposits = Type.Object({
  deposits: Type.Array(
    Type.Object({
      state: Type.String(),
      amount: Type.String(),
      next: Type.Object({ url: Type.Optional(Type.String()) }),
      heldUntil: Type.Optional(Instant),
      isEnding: Type.Boolean(),
    }),
  ),
})

export type DepositView = Static<typeof Deposits>['deposits'][number]

type Authorization = string | undefined

/** What a buyer can do with an order, each below its address. */
export type OrderDeed =
  | { method: 'PUT'; path: 'delivery'; body: object }
  | { method: 'POST'; path: 'receipt' }
  | { method: 'POST'; path: 'collection-code' }
  | { method: 'PUT' | 'DELETE'; path: 'cancellation-request' }
  | { method: 'POST'; path: 'dispute' | 'dispute/messages'; body: object }
  | { method: 'POST'; path: 'dispute/withdrawal' }

/** What a user has to do with what others sell. */
export interface Buying {
  listOrders(query: Record<string, string>, as: Authorization): Promise<OrderListView>
  readOrder(id: string, as: Authorization): Promise<OrderView | undefined>
  /** Undefined: there is none. */
  readDispute(id: string, as: Authorization): Promise<DisputeView | undefined>
  actOnOrder(id: string, deed: OrderDeed, as: Authorization): Promise<ServiceAnswer>
  /** The last payment in which an order was to be paid. */
  readLastPayment(orderId: string, as: Authorization): Promise<PaymentView | undefined>
  beginPayment(key: string, body: object, as: Authorization): Promise<ServiceAnswer>
  cancelPayment(id: string, as: Authorization): Promise<ServiceAnswer>
  /** What the reader has held for a lot, the newest first. */
  readDeposits(itemId: string, as: Authorization): Promise<DepositView[]>
  beginDeposit(key: string, body: object, as: Authorization): Promise<ServiceAnswer>
  readInvoices(orderId: string, as: Authorization): Promise<InvoiceView[]>
  listOffers(query: Record<string, string>, as: Authorization): Promise<OfferListView>
  readOffer(id: string, as: Authorization): Promise<OfferView | undefined>
  answerOffer(
    id: string,
    answer: 'acceptance' | 'refusal',
    key: string,
    as: Authorization,
  ): Promise<ServiceAnswer>
  readOfferPreference(as: Authorization): Promise<boolean>
  setOfferPreference(wantsOffers: boolean, as: Authorization): Promise<ServiceAnswer>
  listWatched(query: Record<string, string>, as: Authorization): Promise<WatchlistView>
  unwatch(itemId: string, as: Authorization): Promise<ServiceAnswer>
  listSearches(as: Authorization): Promise<SavedSearchView[]>
  deleteSearch(id: string, as: Authorization): Promise<ServiceAnswer>
  /** Name and pictures of an item; undefined when it is hidden meanwhile. */
  readPictured(itemId: string, as: Authorization): Promise<PicturedView | undefined>
}

export function createBuying({ auction, bid, order, payment }: Services): Buying {
  const needed = async <T>(reading: Promise<T | undefined>): Promise<T> => {
    const read = await reading
    if (read === undefined) throw new UpstreamError('a list is not there')
    return read
  }
  const at = (path: string, id: string, rest = '') => `${path}/${encodeURIComponent(id)}${rest}`
  const asked = (path: string, query: Record<string, string>) =>
    `${path}?${new URLSearchParams(query)}`
  const [orders, offers] = ['/api/v1/orders', '/api/v1/offers']
  return {
    listOrders: (query, as) =>
      needed(order.read(asked(orders, { role: 'buyer', ...query }), OrderList, as)),
    readOrder: (id, as) => order.read(at(orders, id), Order, as),
    readDispute: (id, as) => order.read(at(orders, id, '/dispute'), Dispute, as),
    actOnOrder: (id, { method, path, ...deed }, authorization) =>
      order.send(method, at(orders, id, `/${path}`), { ...deed, authorization }),
    async readLastPayment(orderId, as) {
      const path = asked('/api/v1/payments', { orderId })
      return (await needed(payment.read(path, Payments, as))).payments[0]
    },
    beginPayment: (idempotencyKey, body, authorization) =>
      payment.send('POST', '/api/v1/payments', { body, authorization, idempotencyKey }),
    cancelPayment: (id, authorization) =>
      payment.send('POST', at('/api/v1/payments', id, '/cancel'), { authorization }),
    async readDeposits(itemId, as) {
      const path = asked('/api/v1/deposits', { itemId })
      return (await needed(payment.read(path, Deposits, as))).deposits
    },
    beginDeposit: (idempotencyKey, body, authorization) =>
      payment.send('POST', '/api/v1/deposits', { body, authorization, idempotencyKey }),
    async readInvoices(orderId, as) {
      const path = asked('/api/v1/billing/invoices', { orderId })
      return (await needed(payment.read(path, Invoices, as))).invoices
    },
    listOffers: (query, as) => needed(bid.read(asked(offers, query), Offers, as)),
    readOffer: (id, as) => bid.read(at(offers, id), Offer, as),
    answerOffer: (id, answer, idempotencyKey, authorization) =>
      bid.send('POST', at(offers, id, `/${answer}`), { authorization, idempotencyKey }),
    readOfferPreference: async (as) =>
      (await needed(bid.read(`${offers}/preferences`, OfferPreferences, as))).wantsOffers,
    setOfferPreference: (wantsOffers, authorization) =>
      bid.send('PUT', `${offers}/preferences`, { body: { wantsOffers }, authorization }),
    listWatched: (query, as) =>
      needed(auction.read(asked('/api/v1/watchlist', query), Watchlist, as)),
    unwatch: (itemId, authorization) =>
      auction.send('DELETE', at('/api/v1/items', itemId, '/watch'), { authorization }),
    listSearches: async (as) =>
      (await needed(auction.read('/api/v1/saved-searches', SavedSearches, as))).items,
    deleteSearch: (id, authorization) =>
      auction.send('DELETE', at('/api/v1/saved-searches', id), { authorization }),
    readPictured: (itemId, as) => auction.read(at('/api/v1/items', itemId), Pictured, as),
  }
}
