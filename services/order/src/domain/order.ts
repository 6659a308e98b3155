/** Where an order stands (R-ORDER-1). */
export const ORDER_STATES = [
  'pending_payment',
  'overdue',
  'paid',
  'preparing',
  'shipped',
  'delivered',
  'collected',
  'completed',
  'disputed',
  'refund_pending',
  'refunded',
  'cancelled',
] as const
export type OrderState = (typeof ORDER_STATES)[number]

/** States in which the buyer still has to pay. */
export const UNPAID_STATES = ['pending_payment', 'overdue'] as const satisfies OrderState[]

/** States that an order goes back to after a dispute or a refund. */
export type ResumeState = 'paid' | 'preparing' | 'shipped' | 'delivered' | 'collected'

/** States from which nothing follows by itself. */
export const FINAL_STATES = ['completed', 'refunded', 'cancelled'] as const satisfies OrderState[]

export const CANCEL_REASONS = [
  'unpaid',
  'seller',
  'mutual',
  'buy_now_released',
  'suspended',
  'removed',
] as const
export type CancelReason = (typeof CANCEL_REASONS)[number]

export const ORDER_SOURCES = ['won', 'buynow', 'offer'] as const
export type OrderSource = (typeof ORDER_SOURCES)[number]

/** What a person is to an order. */
export type Role = 'buyer' | 'seller' | 'moderator'

export type Delivery = 'shipping' | 'collection'

/** An order as it is judged; money is in minor units. */
export interface Order {
  readonly id: string
  readonly itemId: string
  readonly round: number
  readonly unit: number
  readonly sellerId: string
  readonly buyerId: string
  readonly source: OrderSource
  /** The purchase at the buy-now price that it came from. */
  readonly purchaseId: string | null
  /** Until then the lot is reserved for it; null when it is the buyer's for good (R-ORDER-12). */
  readonly reservedUntil: Date | null
  readonly currencyCode: string
  readonly amount: bigint
  readonly premium: bigint
  readonly deliveryFee: bigint
  readonly refundedTotal: bigint
  readonly state: OrderState
  readonly resumeState: ResumeState | null
  readonly cancelReason: CancelReason | null
  readonly wonAt: Date
  readonly dueAt: Date
  readonly cancelAt: Date
  /** The payment that is being captured. */
  readonly claimedBy: string | null
  readonly paidBy: string | null
  readonly remindersSent: number
  readonly delivery: Delivery | null
  /** What became of money that the buyer's bank took back. */
  readonly chargeback: 'opened' | 'won' | 'lost' | null
  readonly chargebackAmount: bigint | null
  /** So much in all is to be given back before an order that waits for its refund goes on. */
  readonly refundTarget: bigint | null
  /** What was left of the time of a shipped or delivered order when it was disputed. */
  readonly timeLeftSeconds: number | null
  readonly sequence: number
}

export const totalOf = ({
  amount,
  premium,
  deliveryFee,
}: Pick<Order, 'amount' | 'premium' | 'deliveryFee'>) => amount + premium + deliveryFee

/** What the buyer can still get back. */
export const leftOf = (order: Order) => totalOf(order) - order.refundedTotal

export const isUnpaid = ({ state }: Pick<Order, 'state'>) =>
  state === 'pending_payment' || state === 'overdue'

export const isFinal = ({ state }: Pick<Order, 'state'>) =>
  state === 'completed' || state === 'refunded' || state === 'cancelled'
