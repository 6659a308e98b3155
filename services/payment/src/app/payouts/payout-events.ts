import { createEvent, type OutboxEvent } from '@auction/common/contracts/event.ts'
import {
  paymentPayoutAccountChanged,
  paymentPayoutAccountNeeded,
  paymentPayoutFailed,
  paymentPayoutSent,
} from '@auction/common/contracts/payment.ts'
import { formatAmount } from '@auction/common/money.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import type { AccountState, Payout } from '#src/domain/payout.ts'

// A timer begins what is published here, so each has a trace of its own.

/** How a payout ended; `code` says why it failed. */
export function payoutEvent(
  { id, sellerId, amount, currencyCode, provider, traceparents }: Payout,
  { code, at }: { code: string | undefined; at: Date },
): OutboxEvent {
  const payload = {
    payoutId: id,
    sellerId,
    amount: formatAmount(amount, currencyCode),
    currencyCode,
    provider,
    at: at.toISOString(),
    sequence: 1,
  }
  const context = { aggregateId: id, sequence: 1, trace: ownTrace('payout', traceparents) }
  return code === undefined
    ? createEvent(paymentPayoutSent, context, payload)
    : createEvent(paymentPayoutFailed, context, { ...payload, code })
}

/** Changes of an account are in the order of their instants: its row is locked meanwhile. */
export function accountEvent(
  { sellerId, provider }: { sellerId: string; provider: string },
  { state, code }: AccountState,
  at: Date,
): OutboxEvent {
  const sequence = at.getTime()
  const context = { aggregateId: sellerId, sequence, trace: ownTrace('payout account') }
  return createEvent(paymentPayoutAccountChanged, context, {
    sellerId,
    provider,
    state,
    ...(code === undefined ? {} : { code }),
    at: at.toISOString(),
    sequence,
  })
}

export function accountNeededEvent(
  { sellerId, currencyCode }: { sellerId: string; currencyCode: string },
  owed: bigint,
  at: Date,
): OutboxEvent {
  const sequence = at.getTime()
  const context = { aggregateId: sellerId, sequence, trace: ownTrace('payout account') }
  return createEvent(paymentPayoutAccountNeeded, context, {
    sellerId,
    amount: formatAmount(owed, currencyCode),
    currencyCode,
    at: at.toISOString(),
    sequence,
  })
}
