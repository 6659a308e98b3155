import { createEvent, type OutboxEvent } from '@auction/common/contracts/event.ts'
import {
  type DEPOSIT_RELEASES,
  paymentDepositCaptured,
  paymentDepositExpiring,
  paymentDepositHeld,
  paymentDepositReleased,
} from '@auction/common/contracts/payment.ts'
import { formatAmount } from '@auction/common/money.ts'
import { sellerPart } from '#src/domain/deposit.ts'
import type { Deposit } from '#src/infra/postgres/deposits/deposits.ts'

export type DepositRelease = (typeof DEPOSIT_RELEASES)[number]

interface Change {
  sequence: number
  at: Date
}

const TRACEPARENT = /^00-([0-9a-f]{32})-/

/** An event of a deposit belongs to the trace in which the bidder asked for it. */
function contextOf({ id, traceparent, correlationId }: Deposit, sequence: number) {
  const traceId = TRACEPARENT.exec(traceparent)?.[1] ?? ''
  return { aggregateId: id, sequence, trace: { traceparent, traceId, correlationId } }
}

const payloadOf = (deposit: Deposit, { sequence, at }: Change) => ({
  depositId: deposit.id,
  itemId: deposit.itemId,
  bidderId: deposit.bidderId,
  sellerId: deposit.sellerId,
  amount: formatAmount(deposit.amount, deposit.currencyCode),
  currencyCode: deposit.currencyCode,
  at: at.toISOString(),
  sequence,
})

export const heldEvent = (deposit: Deposit, heldUntil: Date, change: Change): OutboxEvent =>
  createEvent(paymentDepositHeld, contextOf(deposit, change.sequence), {
    ...payloadOf(deposit, change),
    heldUntil: heldUntil.toISOString(),
  })

export const expiringEvent = (deposit: Deposit, heldUntil: Date, change: Change): OutboxEvent =>
  createEvent(paymentDepositExpiring, contextOf(deposit, change.sequence), {
    ...payloadOf(deposit, change),
    heldUntil: heldUntil.toISOString(),
  })

export const releasedEvent = (
  deposit: Deposit,
  reason: DepositRelease,
  change: Change,
  wasTaken = false,
): OutboxEvent =>
  createEvent(paymentDepositReleased, contextOf(deposit, change.sequence), {
    ...payloadOf(deposit, change),
    reason,
    ...(wasTaken ? { wasTaken } : {}),
  })

export const capturedEvent = (deposit: Deposit, orderId: string, change: Change): OutboxEvent =>
  createEvent(paymentDepositCaptured, contextOf(deposit, change.sequence), {
    ...payloadOf(deposit, change),
    orderId,
    sellerAmount: formatAmount(
      sellerPart(deposit.amount, deposit.sellerPercent),
      deposit.currencyCode,
    ),
  })
