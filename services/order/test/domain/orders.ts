import type { Order } from '#src/domain/order.ts'

/** An order that waits for its payment, of 20.00 in all. */
export function order(changes: Partial<Order> = {}): Order {
  return {
    id: '0198c0de-0000-7000-8000-000000000001',
    itemId: '0198c0de-0000-7000-8000-000000000002',
    round: 1,
    unit: 1,
    sellerId: '0198c0de-0000-7000-8000-000000000003',
    buyerId: '0198c0de-0000-7000-8000-000000000004',
    source: 'won',
    purchaseId: null,
    reservedUntil: null,
    currencyCode: 'USD',
    amount: 1_850n,
    premium: 150n,
    deliveryFee: 0n,
    refundedTotal: 0n,
    state: 'pending_payment',
    resumeState: null,
    cancelReason: null,
    wonAt: new Date('2026-03-01T12:00:00Z'),
    dueAt: new Date('2026-03-05T12:00:00Z'),
    cancelAt: new Date('2026-03-07T12:00:00Z'),
    claimedBy: null,
    paidBy: null,
    remindersSent: 0,
    delivery: null,
    chargeback: null,
    chargebackAmount: null,
    refundTarget: null,
    timeLeftSeconds: null,
    sequence: 1,
    ...changes,
  }
}
