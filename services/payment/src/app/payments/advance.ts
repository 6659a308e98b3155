import {
  paymentAuthorized,
  paymentExpired,
  paymentFailed,
  paymentSucceeded,
} from '@auction/common/contracts/payment.ts'
import { formatAmount } from '@auction/common/money.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely, Transaction } from 'kysely'
import { postCapture } from '#src/app/sales/sale-ledger.ts'
import { isOver, judgePayment, type PaymentVerdict } from '#src/domain/judge-payment.ts'
import type { PayoutProvider } from '#src/domain/payout.ts'
import {
  type AttemptReference,
  type PaymentProvider,
  ProviderError,
  type ProviderState,
} from '#src/domain/provider.ts'
import { recordDifference } from '#src/infra/postgres/payments/differences.ts'
import {
  markOperation,
  markSending,
  planAgain,
  planOperation,
} from '#src/infra/postgres/payments/operations.ts'
import {
  lockPayment,
  type Operation,
  type Payment,
  readPayment,
  releaseOrders,
  scheduleLook,
  updatePayment,
} from '#src/infra/postgres/payments/payments.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { foldDisputes } from './fold-disputes.ts'
import { foldRefunds, refuseRefund } from './fold-refunds.ts'
import type { OrderClient } from './order-client.ts'
import { giveOwed } from './owed-refunds.ts'
import { attemptEvents, totalOf } from './payment-events.ts'
import type { PaymentMetrics } from './payment-metrics.ts'

export interface AdvanceDependencies {
  db: Kysely<Database>
  providers: ReadonlyMap<string, PaymentProvider>
  /** Their books are compared with ours as well. */
  payoutProviders: readonly PayoutProvider[]
  orders: OrderClient
  /** Where the platform owes tax; undefined: nowhere. */
  jurisdiction: string | undefined
  log: Logger
  metrics: PaymentMetrics
}

type Tx = Transaction<Database>

// One after the other: begin, claim, capture and the looks between them.
const STEPS_MAX = 12
// What was sent more often than this waits between two tries.
const TRIES_AT_ONCE = 3
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
// Webhooks come first; this is for those that never come.
const OPEN_LOOK_MS = 5 * MINUTE_MS
const PENDING_LOOK_MS = 15 * MINUTE_MS
// Payments of one busy hour are not all checked in one hour.
const FIRST_CHECK_MS = 23 * 60 * MINUTE_MS
const CHECK_SPREAD_MS = 2 * 60 * MINUTE_MS
const RETRY_MAX_MS = 10 * MINUTE_MS

/** What is to be done next, outside of any transaction. */
type Step =
  | { kind: 'claim' }
  | { kind: 'send'; operation: Operation }
  | { kind: 'wait'; afterMs: number | null }

/**
 * Brings a payment as far as it gets: looks at the provider, decides under the payment's lock, and asks the
 * provider or the order service for the next thing. Every step is found again from the rows and a look, so it
 * may end anywhere and be run again by any process.
 */
export async function advancePayment(
  dependencies: AdvanceDependencies,
  taken: { id: string; wakes: number },
): Promise<void> {
  const { db, log, metrics } = dependencies
  try {
    for (let count = 0; count < STEPS_MAX; count += 1) {
      const step = await takeStep(dependencies, taken.id)
      if (step.kind === 'wait') {
        await scheduleLook(db, taken, step.afterMs, 0)
        return
      }
      if (step.kind === 'send' && step.operation.tries >= TRIES_AT_ONCE) break
    }
    // The provider accepts, and what it shows does not follow.
    await scheduleLook(db, taken, MINUTE_MS, 0)
  } catch (error) {
    const failures = ((await readPayment(db, taken.id))?.failures ?? 0) + 1
    metrics.retried()
    log.warn({ err: error, paymentId: taken.id, failures }, 'payment could not go on')
    await scheduleLook(db, taken, retryMs(failures), failures)
  }
}

/** 1 s, 2 s, 4 s … ten minutes. */
export const retryMs = (failures: number) =>
  Math.min(SECOND_MS * 2 ** Math.min(failures - 1, 12), RETRY_MAX_MS)

async function takeStep(dependencies: AdvanceDependencies, id: string): Promise<Step> {
  const { db, providers } = dependencies
  const payment = await readPayment(db, id)
  if (payment === undefined) throw new Error(`there is no payment ${id}`)
  const provider = providers.get(payment.provider)
  if (provider === undefined) throw new Error(`no provider ${payment.provider} is configured`)
  const begin = payment.operations.find(({ kind }) => kind === 'begin')
  if (payment.reference === null) {
    if (isOver(payment.state) || begin === undefined) return { kind: 'wait', afterMs: null }
    await sendBegin(dependencies, provider, payment, begin)
    return { kind: 'wait', afterMs: 0 }
  }
  const seen = await provider.look(referenceOf(payment, payment.reference))
  const step = await outboxTransaction(db, (tx) => fold(dependencies, tx, id, seen))
  switch (step.kind) {
    case 'claim':
      await claim(dependencies, payment)
      break
    case 'send':
      await send(dependencies, provider, payment, step.operation)
      break
  }
  return step
}

const referenceOf = ({ chargeReference }: Payment, reference: string): AttemptReference => ({
  reference,
  chargeReference,
})

/** Decides from what the provider shows, under the lock of the payment. */
async function fold(
  { jurisdiction, metrics, providers }: AdvanceDependencies,
  tx: Tx,
  id: string,
  seen: ProviderState,
): Promise<Step> {
  const payment = await lockPayment(tx, id)
  if (payment === undefined) throw new Error(`there is no payment ${id}`)
  const capture = payment.operations.find(({ kind }) => kind === 'capture')
  const cancel = payment.operations.find(({ kind }) => kind === 'cancel')
  if (payment.chargeReference !== seen.chargeReference && seen.chargeReference !== null) {
    await updatePayment(tx, id, { chargeReference: seen.chargeReference })
  }
  if (payment.state === 'captured') return foldCaptured(tx, providers, payment, seen)
  const verdict = judgePayment(
    {
      state: payment.state,
      money: { amount: payment.amount, currencyCode: payment.currencyCode },
      capture: capture?.state,
      cancel: cancel?.state,
    },
    seen,
  )
  switch (verdict.kind) {
    case 'wait':
      await showState(tx, payment, verdict.state, seen)
      return { kind: 'wait', afterMs: waitMs(payment, verdict.state) }
    case 'claim':
      await showState(tx, payment, 'authorised', seen)
      return { kind: 'claim' }
    case 'capture':
      return capture === undefined ? { kind: 'claim' } : { kind: 'send', operation: capture }
    case 'cancel': {
      if (cancel !== undefined) {
        await planAgain(tx, cancel.id)
        return { kind: 'send', operation: cancel }
      }
      await planOperation(tx, id, 'cancel')
      return { kind: 'wait', afterMs: 0 }
    }
    case 'settle':
      await settle(tx, payment, seen, jurisdiction)
      if (capture !== undefined) await markOperation(tx, capture.id, 'done')
      metrics.ended('captured')
      return { kind: 'wait', afterMs: 0 }
    case 'end':
      // Why the provider ended it; an end of our own, or by time, has its own name.
      await end(tx, payment, verdict.state, failureOf(payment, verdict.state, seen))
      if (cancel !== undefined) await markOperation(tx, cancel.id, 'done')
      // Refused, because there was nothing left to take.
      if (capture !== undefined) await markOperation(tx, capture.id, 'failed', 'hold_lost')
      metrics.ended(verdict.state)
      return { kind: 'wait', afterMs: null }
    case 'mismatch':
      await stopForOperator(tx, payment, verdict)
      metrics.ended('mismatch')
      return { kind: 'wait', afterMs: null }
    case 'none':
      return { kind: 'wait', afterMs: null }
  }
}

function waitMs({ expiresAt }: Payment, state: 'open' | 'processing' | 'authorised' | 'claimed') {
  if (state !== 'open') return MINUTE_MS
  const untilEndMs = expiresAt.getTime() - Date.now() + SECOND_MS
  return Math.min(Math.max(untilEndMs, SECOND_MS), OPEN_LOOK_MS)
}

/** A change is published once; that states move forward only, the verdict sees to. */
async function showState(
  tx: Tx,
  payment: Payment,
  state: 'open' | 'processing' | 'authorised' | 'claimed',
  seen: ProviderState,
): Promise<void> {
  const code = seen.failureCode ?? null
  if (payment.state === state) {
    if (payment.code !== code && state === 'open') await updatePayment(tx, payment.id, { code })
    return
  }
  const isAuthorised = state === 'authorised'
  const sequence = payment.sequence + (isAuthorised ? 1 : 0)
  await updatePayment(tx, payment.id, {
    state,
    code,
    sequence,
    ...(seen.holdEndsAt === undefined ? {} : { holdEndsAt: seen.holdEndsAt }),
    ...(isAuthorised ? { nextUrl: null } : {}),
  })
  if (!isAuthorised) return
  const at = await readClock(tx)
  await writeOutbox(tx, attemptEvents(paymentAuthorized, payment, { sequence, at }))
}

/** The money is taken: the ledger, the state and the events in one transaction. */
async function settle(
  tx: Tx,
  payment: Payment,
  seen: ProviderState,
  jurisdiction: string | undefined,
): Promise<void> {
  const at = await readClock(tx)
  const sequence = payment.sequence + 1
  await updatePayment(tx, payment.id, {
    state: 'captured',
    code: null,
    nextUrl: null,
    holdEndsAt: null,
    capturedAt: at,
    nextCheckAt: new Date(at.getTime() + FIRST_CHECK_MS + Math.random() * CHECK_SPREAD_MS),
    sequence,
    chargeReference: seen.chargeReference,
  })
  for (const order of payment.orders) {
    await postCapture(
      tx,
      {
        paymentId: payment.id,
        orderId: order.orderId,
        itemId: order.itemId,
        sellerId: payment.sellerId,
        buyerId: payment.buyerId,
        provider: payment.provider,
        currencyCode: payment.currencyCode,
        sellerGross: order.sellerGross,
        premium: order.premium,
        categoryIds: order.categoryIds ?? [],
      },
      jurisdiction,
    )
  }
  await writeOutbox(tx, attemptEvents(paymentSucceeded, payment, { sequence, at }))
}

const failureOf = ({ code }: Payment, state: string, { failureCode }: ProviderState) =>
  state === 'failed' ? (code ?? failureCode) : undefined

/** It is over without money: the orders may be paid by another payment. */
async function end(
  tx: Tx,
  payment: Payment,
  state: 'failed' | 'expired' | 'cancelled',
  reason?: string,
): Promise<void> {
  const at = await readClock(tx)
  const sequence = payment.sequence + 1
  const code =
    reason ?? payment.code ?? (state === 'failed' ? 'payment.hold_lost' : `payment.${state}`)
  await updatePayment(tx, payment.id, { state, code, nextUrl: null, holdEndsAt: null, sequence })
  await releaseOrders(tx, payment.id)
  const contract = state === 'expired' ? paymentExpired : paymentFailed
  await writeOutbox(tx, attemptEvents(contract, payment, { sequence, code, at }))
}

/** Nothing moves any more, and the orders stay taken, until an operator has looked. */
async function stopForOperator(
  tx: Tx,
  payment: Payment,
  { theirs }: Extract<PaymentVerdict, { kind: 'mismatch' }>,
): Promise<void> {
  await updatePayment(tx, payment.id, { state: 'mismatch', nextUrl: null })
  // What was sent is not waited for any more: the operator looks at what came of it.
  for (const { id, state } of payment.operations) {
    if (state === 'sending' || state === 'unknown')
      await markOperation(tx, id, 'failed', 'mismatch')
  }
  await recordDifference(tx, {
    provider: payment.provider,
    kind: 'mismatch',
    reference: payment.reference ?? payment.id,
    paymentId: payment.id,
    ours: `${payment.amount} ${payment.currencyCode}, ${payment.state}`,
    theirs,
  })
}

async function foldCaptured(
  tx: Tx,
  providers: AdvanceDependencies['providers'],
  payment: Payment,
  seen: ProviderState,
): Promise<Step> {
  const { send, isPending } = await foldRefunds(tx, payment, seen)
  const isDisputed = await foldDisputes(tx, payment, seen)
  const owedMs = await giveOwed(tx, providers, payment)
  if (send !== undefined) return { kind: 'send', operation: send }
  if (!isPending && !isDisputed) return { kind: 'wait', afterMs: owedMs }
  return { kind: 'wait', afterMs: Math.min(PENDING_LOOK_MS, owedMs ?? PENDING_LOOK_MS) }
}

/** Asks the orders whether they still want to be paid, and plans what follows from their answer. */
async function claim(
  { db, orders, metrics }: AdvanceDependencies,
  payment: Payment,
): Promise<void> {
  const answer = await orders.claim(payment.id, {
    buyerId: payment.buyerId,
    currencyCode: payment.currencyCode,
    orders: payment.orders.map((order) => ({
      orderId: order.orderId,
      total: formatAmount(totalOf(order), payment.currencyCode),
    })),
  })
  await outboxTransaction(db, async (tx) => {
    const current = await lockPayment(tx, payment.id)
    if (current === undefined || current.state !== 'authorised') return
    if (answer.kind === 'claimed') {
      await updatePayment(tx, payment.id, { state: 'claimed' })
      await planOperation(tx, payment.id, 'capture')
      return
    }
    metrics.claimRefused()
    await updatePayment(tx, payment.id, { code: answer.code })
    await planOperation(tx, payment.id, 'cancel')
  })
}

/** Sends what was planned. What came of it, a look says. */
async function send(
  { db, metrics }: AdvanceDependencies,
  provider: PaymentProvider,
  { id }: Payment,
  operation: Operation,
): Promise<void> {
  const payment = await db.transaction().execute(async (tx) => {
    await lockPayment(tx, id)
    await markSending(tx, operation.id)
    return readPayment(tx, id)
  })
  if (payment === undefined || payment.reference === null) return
  try {
    await request(provider, payment, payment.reference, operation, db)
    await mark(db, id, operation, 'done')
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error
    metrics.problem(operation.kind, error.problem)
    if (error.problem === 'refused') {
      await mark(db, id, operation, 'failed', error.code)
      return
    }
    await mark(db, id, operation, 'unknown', error.code)
    throw error
  }
}

async function request(
  provider: PaymentProvider,
  payment: Payment,
  reference: string,
  { id, kind, key, refundId }: Operation,
  db: Kysely<Database>,
): Promise<void> {
  const attempt = referenceOf(payment, reference)
  const { amount, currencyCode } = payment
  switch (kind) {
    case 'capture':
      return provider.capture(attempt, { amount, currencyCode }, key)
    case 'cancel':
      // Letting go a second time does nothing, but under an old key the provider would only repeat its old answer.
      return provider.cancel(attempt, `${key}:${triesOf(payment, id)}`)
    case 'refund': {
      const refund = await db
        .selectFrom('refunds')
        .select(['id', 'amount'])
        .where('id', '=', refundId)
        .executeTakeFirstOrThrow()
      const money = { amount: refund.amount, currencyCode }
      await provider.refund(attempt, { refundId: refund.id, money }, key)
      return
    }
    case 'begin':
      return
  }
}

const triesOf = ({ operations }: Payment, id: string) =>
  operations.find((operation) => operation.id === id)?.tries ?? 0

async function mark(
  db: Kysely<Database>,
  paymentId: string,
  operation: Operation,
  state: 'done' | 'failed' | 'unknown',
  code?: string,
): Promise<void> {
  await outboxTransaction(db, async (tx) => {
    const payment = await lockPayment(tx, paymentId)
    await markOperation(tx, operation.id, state, code)
    if (state !== 'failed' || operation.refundId === null || payment === undefined) return
    await refuseRefund(tx, payment, operation.refundId, code ?? 'refused')
  })
}

/** Asks the provider to begin. The answer may be lost: the same key and terms begin the same again. */
export async function sendBegin(
  { db, metrics }: Pick<AdvanceDependencies, 'db' | 'metrics'>,
  provider: PaymentProvider,
  payment: Payment,
  operation: Operation,
): Promise<void> {
  // No buyer has seen the page, so no one can pay on it any more.
  if (payment.expiresAt.getTime() <= Date.now())
    return endBegin(db, payment.id, operation.id, 'expired')
  if (operation.state !== 'sending') {
    await db.transaction().execute((tx) => markSending(tx, operation.id))
  }
  try {
    const { reference, next } = await provider.begin(
      {
        attemptId: payment.id,
        paymentId: payment.id,
        money: { amount: payment.amount, currencyCode: payment.currencyCode },
        description: payment.description,
        returnUrl: payment.returnUrl,
        cancelUrl: payment.returnUrl,
        expiresAt: payment.expiresAt,
      },
      operation.key,
    )
    await db.transaction().execute(async (tx) => {
      const current = await lockPayment(tx, payment.id)
      await markOperation(tx, operation.id, 'done')
      if (current === undefined || isOver(current.state)) return
      await updatePayment(tx, payment.id, {
        reference,
        nextUrl: next.kind === 'redirect' ? next.url : null,
        ...(current.state === 'created' ? { state: 'open' as const } : {}),
      })
    })
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error
    metrics.problem('begin', error.problem)
    switch (error.problem) {
      case 'refused':
        return endBegin(db, payment.id, operation.id, 'failed', error.code)
      case 'mismatch':
        await db.transaction().execute(async (tx) => {
          const current = await lockPayment(tx, payment.id)
          if (current === undefined || isOver(current.state)) return
          await stopForOperator(tx, current, { kind: 'mismatch', theirs: error.message })
        })
        return
      default:
        await db
          .transaction()
          .execute((tx) => markOperation(tx, operation.id, 'unknown', error.code))
        throw error
    }
  }
}

async function endBegin(
  db: Kysely<Database>,
  id: string,
  operationId: string,
  state: 'failed' | 'expired',
  code?: string,
): Promise<void> {
  await outboxTransaction(db, async (tx) => {
    const payment = await lockPayment(tx, id)
    await markOperation(tx, operationId, 'failed', code)
    if (payment === undefined || isOver(payment.state) || payment.reference !== null) return
    await end(tx, payment, state, code === undefined ? undefined : `provider.${code}`)
  })
}
