import { type Static, Type } from 'typebox'
import { Dispute, Order, OrderList } from './buying.ts'
import { type ServiceAnswer, UpstreamError } from './service-client.ts'
import type { Services } from './services.ts'
import { Instant } from './shapes.ts'

const optional = Type.Optional

const Sale = Type.Object({
  ...Order.properties,
  buyerId: Type.String(),
  paymentId: optional(Type.String()),
})

const Refunds = Type.Object({
  refunds: Type.Array(
    Type.Object({
      orderId: Type.String(),
      amount: Type.String(),
      reason: Type.String(),
      state: Type.String(),
      createdAt: Instant,
    }),
  ),
})

const OffersOfLot = Type.Object({
  offers: Type.Array(
    Type.Object({
      offerId: Type.String(),
      kind: Type.String(),
      amount: Type.String(),
      currencyCode: Type.String(),
      state: Type.String(),
      bidder: optional(Type.String()),
      expiresAt: Instant,
    }),
  ),
  kinds: Type.Array(
    Type.Object({
      kind: Type.String(),
      until: optional(Instant),
      refusal: optional(Type.String()),
      candidates: Type.Array(
        Type.Object({
          bidder: Type.String(),
          bidderNumber: Type.Integer(),
          amount: Type.String(),
        }),
      ),
    }),
  ),
})

const Balances = Type.Object({
  balances: Type.Array(
    Type.Object({ currencyCode: Type.String(), pending: Type.String(), payable: Type.String() }),
  ),
})

const PayoutAccount = Type.Object({
  provider: Type.String(),
  state: Type.String(),
  code: optional(Type.String()),
  changedAt: Instant,
})

const Payouts = Type.Object({
  payouts: Type.Array(
    Type.Object({
      id: Type.String(),
      amount: Type.String(),
      currencyCode: Type.String(),
      state: Type.String(),
      reversedAmount: Type.String(),
      code: optional(Type.String()),
      createdAt: Instant,
    }),
  ),
  nextCursor: optional(Type.String()),
})

const Statement = Type.Object({
  month: Type.String(),
  totals: Type.Array(
    Type.Object({
      currencyCode: Type.String(),
      openingPending: Type.String(),
      openingPayable: Type.String(),
      closingPending: Type.String(),
      closingPayable: Type.String(),
    }),
  ),
  lines: Type.Array(
    Type.Object({
      at: Instant,
      kind: Type.String(),
      orderId: optional(Type.String()),
      currencyCode: Type.String(),
      pending: Type.String(),
      payable: Type.String(),
    }),
  ),
  nextCursor: optional(Type.String()),
})

const Invoices = Type.Object({
  invoices: Type.Array(
    Type.Object({
      id: Type.String(),
      number: Type.String(),
      kind: Type.String(),
      subject: Type.String(),
      issuedAt: Instant,
      currencyCode: Type.String(),
      gross: Type.String(),
    }),
  ),
  nextCursor: optional(Type.String()),
})

export type SaleView = Static<typeof Sale>
export type SalesListView = Static<typeof OrderList>
export type SaleDisputeView = Static<typeof Dispute>
export type RefundView = Static<typeof Refunds>['refunds'][number]
export type OffersOfLotView = Static<typeof OffersOfLot>
export type BalanceView = Static<typeof Balances>['balances'][number]
export type PayoutAccountView = Static<typeof PayoutAccount>
export type PayoutsView = Static<typeof Payouts>
export type StatementView = Static<typeof Statement>
export type OwnInvoicesView = Static<typeof Invoices>

type Authorization = string | undefined
type Query = Readonly<Record<string, string>>

/** What a seller can do with an order, each below its address. */
export type SaleDeed =
  | { method: 'POST'; path: 'preparation' | 'cancellation' | 'reopening' }
  | { method: 'POST'; path: 'shipments' | 'collection' | 'dispute/messages'; body: object }
  | { method: 'PUT' | 'DELETE'; path: 'cancellation-request' }

/** Orders, money and offers of a seller. */
export interface Sales {
  listOrders(query: Query, as: Authorization): Promise<SalesListView>
  readOrder(id: string, as: Authorization): Promise<SaleView | undefined>
  readDispute(id: string, as: Authorization): Promise<SaleDisputeView | undefined>
  actOnOrder(id: string, deed: SaleDeed, as: Authorization): Promise<ServiceAnswer>
  readRefunds(paymentId: string, as: Authorization): Promise<RefundView[]>
  refund(paymentId: string, key: string, body: object, as: Authorization): Promise<ServiceAnswer>
  /** Undefined: bid has no such lot. */
  readOffers(itemId: string, as: Authorization): Promise<OffersOfLotView | undefined>
  makeOffer(itemId: string, key: string, body: object, as: Authorization): Promise<ServiceAnswer>
  withdrawOffer(offerId: string, key: string, as: Authorization): Promise<ServiceAnswer>
  blockBuyer(userId: string, as: Authorization): Promise<ServiceAnswer>
  readBalances(as: Authorization): Promise<BalanceView[]>
  /** Undefined: the seller has not said yet where to be paid. */
  readPayoutAccount(as: Authorization): Promise<PayoutAccountView | undefined>
  openPayoutPage(body: object, as: Authorization): Promise<ServiceAnswer>
  listPayouts(query: Query, as: Authorization): Promise<PayoutsView>
  /** Undefined: the month has not begun. */
  readStatement(month: string, query: Query, as: Authorization): Promise<StatementView | undefined>
  listInvoices(query: Query, as: Authorization): Promise<OwnInvoicesView>
}

export function createSales({ bid, order, payment }: Services): Sales {
  const needed = async <T>(reading: Promise<T | undefined>): Promise<T> => {
    const read = await reading
    if (read === undefined) throw new UpstreamError('what a seller has is not there')
    return read
  }
  const at = (path: string, id: string, rest = '') => `${path}/${encodeURIComponent(id)}${rest}`
  const asked = (path: string, query: Query) => `${path}?${new URLSearchParams({ ...query })}`
  const [orders, payments, billing] = ['/api/v1/orders', '/api/v1/payments', '/api/v1/billing']
  const lots = '/api/v1/lots'
  return {
    listOrders: (query, as) =>
      needed(order.read(asked(orders, { role: 'seller', ...query }), OrderList, as)),
    readOrder: (id, as) => order.read(at(orders, id), Sale, as),
    readDispute: (id, as) => order.read(at(orders, id, '/dispute'), Dispute, as),
    actOnOrder: (id, { method, path, ...deed }, authorization) =>
      order.send(method, at(orders, id, `/${path}`), { ...deed, authorization }),
    readRefunds: async (id, as) =>
      (await needed(payment.read(at(payments, id, '/refunds'), Refunds, as))).refunds,
    refund: (id, idempotencyKey, body, authorization) =>
      payment.send('POST', at(payments, id, '/refunds'), { body, authorization, idempotencyKey }),
    readOffers: (itemId, as) => bid.read(at(lots, itemId, '/offers'), OffersOfLot, as),
    makeOffer: (itemId, idempotencyKey, body, authorization) =>
      bid.send('POST', at(lots, itemId, '/offers'), { body, authorization, idempotencyKey }),
    withdrawOffer: (id, idempotencyKey, authorization) =>
      bid.send('POST', at('/api/v1/offers', id, '/withdrawal'), { authorization, idempotencyKey }),
    blockBuyer: (userId, authorization) =>
      bid.send('PUT', at('/api/v1/blocks', userId), { authorization }),
    readBalances: async (as) =>
      (await needed(payment.read(`${billing}/balance`, Balances, as))).balances,
    readPayoutAccount: (as) => payment.read(`${billing}/payout-account`, PayoutAccount, as),
    openPayoutPage: (body, authorization) =>
      payment.send('POST', `${billing}/payout-account/page`, { body, authorization }),
    listPayouts: (query, as) =>
      needed(payment.read(asked(`${billing}/payouts`, query), Payouts, as)),
    readStatement: (month, query, as) =>
      payment.read(asked(at(`${billing}/statements`, month), query), Statement, as),
    listInvoices: (query, as) =>
      needed(payment.read(asked(`${billing}/invoices`, query), Invoices, as)),
  }
}
