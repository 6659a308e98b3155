import { randomUUID } from 'node:crypto'
import { createEvent, type OutboxEvent } from '@auction/common/contracts/event.ts'
import {
  type DEPOSIT_RELEASES,
  paymentDepositCaptured,
  paymentDepositHeld,
  paymentDepositReleased,
} from '@auction/common/contracts/payment.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { consume } from '@auction/common/testing/consume.ts'
import { onDepositEvents } from '#src/app/consumers/held-deposits.ts'
import type { World } from '#test/helper.ts'

export interface Deposit {
  depositId: string
  itemId: string
  bidderId: string
  sellerId: string
  amount: string
  currencyCode: string
}

export const newDeposit = (itemId: string, bidderId: string, amount = '50.00'): Deposit => ({
  depositId: randomUUID(),
  itemId,
  bidderId,
  sellerId: randomUUID(),
  amount,
  currencyCode: 'USD',
})

const contextOf = (deposit: Deposit, sequence: number) => ({
  aggregateId: deposit.depositId,
  sequence,
  trace: ownTrace('test'),
})

const at = () => new Date().toISOString()

export const heldEvent = (deposit: Deposit, sequence = 2, heldUntil?: Date): OutboxEvent =>
  createEvent(paymentDepositHeld, contextOf(deposit, sequence), {
    ...deposit,
    ...(heldUntil === undefined ? {} : { heldUntil: heldUntil.toISOString() }),
    at: at(),
    sequence,
  })

export const releasedEvent = (
  deposit: Deposit,
  sequence = 3,
  reason: (typeof DEPOSIT_RELEASES)[number] = 'lost',
): OutboxEvent =>
  createEvent(paymentDepositReleased, contextOf(deposit, sequence), {
    ...deposit,
    reason,
    at: at(),
    sequence,
  })

export const capturedEvent = (deposit: Deposit, sequence = 3): OutboxEvent =>
  createEvent(paymentDepositCaptured, contextOf(deposit, sequence), {
    ...deposit,
    orderId: randomUUID(),
    sellerAmount: deposit.amount,
    at: at(),
    sequence,
  })

/** As the worker does when payment publishes. */
export const publish = ({ db }: World, ...events: OutboxEvent[]): Promise<void> =>
  consume(db, events, onDepositEvents())
