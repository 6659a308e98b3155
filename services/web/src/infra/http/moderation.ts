import { type Static, Type } from 'typebox'
import type { Caller } from './identity.ts'
import type { ServiceAnswer } from './service-client.ts'
import type { Services } from './services.ts'
import { Instant } from './shapes.ts'

const optional = Type.Optional
const OrNull = Type.Union([Type.String(), Type.Null()])

const Report = Type.Object({
  id: Type.String(),
  itemId: Type.String(),
  itemName: Type.String(),
  itemStatus: Type.String(),
  sellerId: Type.String(),
  comment: Type.Union([
    Type.Object({
      id: Type.String(),
      authorId: Type.String(),
      content: Type.String(),
      state: Type.String(),
    }),
    Type.Null(),
  ]),
  reason: Type.String(),
  note: Type.String(),
  reporterId: OrNull,
  state: Type.String(),
  createdAt: Instant,
})
const Pages = { page: Type.Integer(), totalItems: Type.Integer(), totalPages: Type.Integer() }
const Queue = Type.Object({
  items: Type.Array(Report),
  counts: Type.Record(Type.String(), Type.Integer()),
  ...Pages,
})
const Actions = Type.Object({
  items: Type.Array(
    Type.Object({
      sequence: Type.Integer(),
      at: Instant,
      actorId: Type.String(),
      action: Type.String(),
      itemId: Type.String(),
      commentId: OrNull,
      reason: OrNull,
    }),
  ),
})
const Flags = Type.Object({
  items: Type.Array(
    Type.Object({
      kind: Type.String(),
      userId: Type.String(),
      sellerId: optional(Type.String()),
      itemId: optional(Type.String()),
      lastSeenAt: Instant,
    }),
  ),
  ...Pages,
})
const Disputes = Type.Object({
  disputes: Type.Array(
    Type.Object({
      orderId: Type.String(),
      reason: Type.String(),
      openedAt: Instant,
      answerBy: Instant,
    }),
  ),
  nextCursor: optional(Type.String()),
})
const Order = Type.Object({
  id: Type.String(),
  itemId: Type.String(),
  itemName: optional(Type.String()),
  buyerId: Type.String(),
  sellerId: Type.String(),
  role: Type.String(),
  state: Type.String(),
  currencyCode: Type.String(),
  amount: Type.String(),
  total: Type.String(),
  refundedTotal: Type.String(),
  wonAt: Instant,
  dueAt: Instant,
  paidAt: optional(Instant),
  paymentId: optional(Type.String()),
  timeline: Type.Array(Type.Object({ state: Type.String(), by: Type.String(), at: Instant })),
})
const Dispute = Type.Object({
  reason: Type.String(),
  openedAt: Instant,
  answerBy: Instant,
  resolution: optional(Type.String()),
  refundAmount: optional(Type.String()),
  messages: Type.Array(
    Type.Object({ author: Type.String(), content: Type.String(), writtenAt: Instant }),
  ),
})
const Refunds = Type.Object({
  refunds: Type.Array(
    Type.Object({
      id: Type.String(),
      orderId: Type.String(),
      amount: Type.String(),
      reason: Type.String(),
      state: Type.String(),
      createdAt: Instant,
    }),
  ),
})
const Category = Type.Object({
  id: Type.String(),
  parent_id: OrNull,
  name: Type.String(),
  description: Type.String(),
  status: Type.String(),
  item_count: Type.Integer(),
})
const Categories = Type.Object({ items: Type.Array(Category) })
const Attribute = Type.Object({
  key: Type.String(),
  label: Type.String(),
  kind: Type.String(),
  unit: optional(OrNull),
  choices: optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
})
const Detail = Type.Object({ attributes: Type.Array(Attribute) })
const Rates = Type.Object({
  rates: Type.Array(
    Type.Object({
      categoryId: optional(Type.String()),
      sellerId: optional(Type.String()),
      currencyCode: optional(Type.String()),
      basisPoints: Type.Integer(),
      validFrom: Instant,
      validTo: optional(Instant),
    }),
  ),
})
const Approval = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  /** What is executed; its fields are those of the kind. */
  command: Type.Record(Type.String(), Type.Unknown()),
  amount: optional(Type.String()),
  currencyCode: optional(Type.String()),
  /** Whose payout it is about; a version of payment before this does not say. */
  sellerId: optional(Type.String()),
  state: Type.String(),
  askedBy: Type.String(),
  askedAt: Instant,
  expiresAt: Instant,
  decidedBy: optional(Type.String()),
  decidedAt: optional(Instant),
})
const Approvals = Type.Object({
  approvals: Type.Array(Approval),
  nextCursor: optional(Type.String()),
})
const Named = Type.Object({ name: Type.String() })

const User = Type.Object({
  id: Type.String(),
  name: Type.String(),
  email: Type.String(),
  emailVerified: Type.Boolean(),
  twoFactorEnabled: Type.Boolean(),
  roles: Type.Array(Type.String()),
  status: Type.String(),
  createdAt: Instant,
  suspension: Type.Union([
    Type.Object({
      reason: Type.String(),
      suspendedAt: Instant,
      until: Type.Union([Instant, Type.Null()]),
    }),
    Type.Null(),
  ]),
})
const Users = Type.Object({
  users: Type.Array(User),
  nextCursor: OrNull,
})

export type ReportView = Static<typeof Report>
export type QueueView = Static<typeof Queue>
export type ActionView = Static<typeof Actions>['items'][number]
export type FlagsView = Static<typeof Flags>
export type DisputesView = Static<typeof Disputes>
export type OperatedOrderView = Static<typeof Order>
export type DecidedDisputeView = Static<typeof Dispute>
export type RefundView = Static<typeof Refunds>['refunds'][number]
export type OperatedCategoryView = Static<typeof Category>
export type AttributeView = Static<typeof Attribute>
export type ApprovalView = Static<typeof Approval>
export type ApprovalsView = Static<typeof Approvals>
export type RateView = Static<typeof Rates>['rates'][number]
export type UserView = Static<typeof User>
export type UsersView = Static<typeof Users>

type Authorization = string | undefined

/** What moderators and operators read and do; undefined is what the caller may not see. */
export interface Moderation {
  readQueue(query: URLSearchParams, as: Authorization): Promise<QueueView | undefined>
  readReport(id: string, as: Authorization): Promise<ReportView | undefined>
  readActions(query: URLSearchParams, as: Authorization): Promise<ActionView[] | undefined>
  readFlags(query: URLSearchParams, as: Authorization): Promise<FlagsView | undefined>
  /** Such as `items/…/remove`. */
  decide(path: string, reason: string, as: Authorization): Promise<ServiceAnswer>
  readDisputes(query: URLSearchParams, as: Authorization): Promise<DisputesView | undefined>
  readOrder(id: string, as: Authorization): Promise<OperatedOrderView | undefined>
  readDispute(orderId: string, as: Authorization): Promise<DecidedDisputeView | undefined>
  resolveDispute(orderId: string, body: object, as: Authorization): Promise<ServiceAnswer>
  settleRefund(orderId: string, body: object, as: Authorization): Promise<ServiceAnswer>
  readRefunds(paymentId: string, as: Authorization): Promise<RefundView[] | undefined>
  refund(paymentId: string, key: string, body: object, as: Authorization): Promise<ServiceAnswer>
  readCategories(as: Authorization): Promise<OperatedCategoryView[] | undefined>
  readAttributes(categoryId: string, as: Authorization): Promise<AttributeView[] | undefined>
  changeCategory(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body: object | undefined,
    as: Authorization,
  ): Promise<ServiceAnswer>
  readRates(as: Authorization): Promise<RateView[] | undefined>
  addRate(body: object, as: Authorization): Promise<ServiceAnswer>
  readApprovals(query: URLSearchParams, as: Authorization): Promise<ApprovalsView | undefined>
  readApproval(id: string, as: Authorization): Promise<ApprovalView | undefined>
  /** Needs a fresh proof in the token. */
  decideApproval(id: string, verb: 'approve' | 'reject', as: Authorization): Promise<ServiceAnswer>
  readItemName(id: string, as: Authorization): Promise<string | undefined>
  readUserName(id: string): Promise<string | undefined>
  /** Needs a fresh proof, and so is asked by the cookie. */
  readUsers(query: URLSearchParams, caller: Caller): Promise<UsersView | undefined>
  readUser(id: string, caller: Caller): Promise<UserView | undefined>
}

export function createModeration({ auction, identity, order, payment }: Services): Moderation {
  const DESK = '/api/v1/moderation'
  const ORDERS = '/api/v1/orders'
  const CATEGORIES = '/api/v1/categories'
  const APPROVALS = '/api/v1/billing/approvals'
  return {
    readQueue: (query, as) => auction.read(`${DESK}/reports?${query}`, Queue, as),
    readReport: (id, as) => auction.read(`${DESK}/reports/${id}`, Report, as),
    readActions: async (query, as) =>
      (await auction.read(`${DESK}/actions?${query}`, Actions, as))?.items,
    readFlags: (query, as) => auction.read(`${DESK}/flags?${query}`, Flags, as),
    decide: (path, reason, authorization) =>
      auction.send('POST', `${DESK}/${path}`, { body: { reason }, authorization }),
    readDisputes: (query, as) => order.read(`${ORDERS}/disputes?${query}`, Disputes, as),
    readOrder: (id, as) => order.read(`${ORDERS}/${id}`, Order, as),
    readDispute: (id, as) => order.read(`${ORDERS}/${id}/dispute`, Dispute, as),
    resolveDispute: (id, body, authorization) =>
      order.send('POST', `${ORDERS}/${id}/dispute/resolution`, { body, authorization }),
    settleRefund: (id, body, authorization) =>
      order.send('POST', `${ORDERS}/${id}/refund-settlement`, { body, authorization }),
    readRefunds: async (id, as) =>
      (await payment.read(`/api/v1/payments/${id}/refunds`, Refunds, as))?.refunds,
    refund: (id, idempotencyKey, body, authorization) =>
      payment.send('POST', `/api/v1/payments/${id}/refunds`, {
        body,
        authorization,
        idempotencyKey,
      }),
    readCategories: async (as) => (await auction.read(CATEGORIES, Categories, as))?.items,
    readAttributes: async (id, as) =>
      (await auction.read(`${CATEGORIES}/${id}`, Detail, as))?.attributes,
    changeCategory: (method, path, body, authorization) =>
      auction.send(method, `${CATEGORIES}${path}`, {
        authorization,
        ...(body === undefined ? {} : { body }),
      }),
    readRates: async (as) =>
      (await payment.read('/api/v1/billing/commission-rates', Rates, as))?.rates,
    addRate: (body, authorization) =>
      payment.send('POST', '/api/v1/billing/commission-rates', { body, authorization }),
    readApprovals: (query, as) => payment.read(`${APPROVALS}?${query}`, Approvals, as),
    readApproval: (id, as) => payment.read(`${APPROVALS}/${id}`, Approval, as),
    decideApproval: (id, verb, authorization) =>
      payment.send('POST', `${APPROVALS}/${id}/${verb === 'approve' ? 'approval' : 'rejection'}`, {
        authorization,
      }),
    readItemName: async (id, as) => (await auction.read(`/api/v1/items/${id}`, Named, as))?.name,
    readUserName: async (id) => (await identity.read(`/api/v1/user-profiles/${id}`, Named))?.name,
    readUsers: (query, caller) => caller.read(`/identity/users?${query}`, Users),
    readUser: (id, caller) => caller.read(`/identity/users/${id}`, User),
  }
}
