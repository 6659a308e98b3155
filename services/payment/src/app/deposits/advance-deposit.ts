import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely, Transaction } from 'kysely'
import { retryMs } from '#src/app/payments/advance.ts'
import type { PaymentMetrics } from '#src/app/payments/payment-metrics.ts'
import { collectDebt } from '#src/app/payouts/collect-debt.ts'
import {
  type DepositVerdict,
  depositCaptured,
  depositRefunded,
  depositReturned,
  isDepositOver,
  isReturning,
  judgeDeposit,
  judgeReturn,
  RETURN_FAILED,
  sellerPart,
} from '#src/domain/deposit.ts'
import {
  type AttemptReference,
  type PaymentProvider,
  ProviderError,
  type ProviderState,
  TOO_MANY,
} from '#src/domain/provider.ts'
import {
  markDepositOperation,
  markDepositSending,
  markDepositUnsent,
  planDepositAgain,
  planDepositOperation,
  planDepositSending,
} from '#src/infra/postgres/deposits/deposit-operations.ts'
import {
  type Deposit,
  type DepositOperation,
  lockDeposit,
  readDeposit,
  releaseReplaced,
  scheduleDepositLook,
  updateDeposit,
} from '#src/infra/postgres/deposits/deposits.ts'
import { post } from '#src/infra/postgres/ledger/post.ts'
import { recordDifference } from '#src/infra/postgres/payments/differences.ts'
import { putCandidate } from '#src/infra/postgres/payouts/payouts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { capturedEvent, type DepositRelease, heldEvent, releasedEvent } from './deposit-events.ts'
import type { Pace } from './pace.ts'

export interface DepositDependencies {
  db: Kysely<Database>
  providers: ReadonlyMap<string, PaymentProvider>
  log: Logger
  metrics: PaymentMetrics
}

type Tx = Transaction<Database>

const STEPS_MAX = 12
// What was sent more often than this waits between two tries.
const TRIES_AT_ONCE = 3
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
// Webhooks come first; these are for those that never come.
const OPEN_LOOK_MS = 5 * MINUTE_MS
const HELD_LOOK_MS = 24 * HOUR_MS
/** Where a provider does not say how long a card is bound, it is a week at the longest, and a day may be lost on the way. */
const HOLD_ASSUMED_MS = 6 * 24 * HOUR_MS

/** What is to be done next, outside of any transaction. */
type Step =
  | { kind: 'send'; operation: DepositOperation }
  | { kind: 'again' }
  | { kind: 'wait'; afterMs: number | null }

/**
 * Brings a deposit as far as it gets: looks at the provider, decides under the lock of the deposit, and asks the provider for the next thing.
 * Every step is found again from the rows and a look, so it may end anywhere and be run again by any process.
 */
export async function advanceDeposit(
  dependencies: DepositDependencies,
  taken: { id: string; wakes: number },
  pace?: Pace,
): Promise<void> {
  const { db, log, metrics } = dependencies
  try {
    for (let count = 0; count < STEPS_MAX; count += 1) {
      const step = await takeStep(dependencies, taken.id)
      if (step.kind === 'wait') {
        await scheduleDepositLook(db, taken, step.afterMs, 0)
        pace?.wentWell()
        return
      }
      if (step.kind === 'send' && step.operation.tries >= TRIES_AT_ONCE) break
    }
    // The provider accepts, and what it shows does not follow.
    await scheduleDepositLook(db, taken, MINUTE_MS, 0)
  } catch (error) {
    if (error instanceof ProviderError && error.code === TOO_MANY) pace?.tooMany()
    const failures = ((await readDeposit(db, taken.id))?.failures ?? 0) + 1
    metrics.retried()
    log.warn({ err: error, depositId: taken.id, failures }, 'deposit could not go on')
    await scheduleDepositLook(db, taken, retryMs(failures), failures)
  }
}

async function takeStep(dependencies: DepositDependencies, id: string): Promise<Step> {
  const { db, providers } = dependencies
  const deposit = await readDeposit(db, id)
  if (deposit === undefined) throw new Error(`there is no deposit ${id}`)
  // A bank may refuse days later what the provider said it gave back.
  const isLookedAt = isReturning(deposit) || deposit.state === 'returned'
  if (isDepositOver(deposit.state) && !isLookedAt) return { kind: 'wait', afterMs: null }
  const provider = providers.get(deposit.provider)
  if (provider === undefined) throw new Error(`no provider ${deposit.provider} is configured`)
  const begin = deposit.operations.find(({ kind }) => kind === 'begin')
  if (deposit.reference === null) {
    if (begin === undefined) return { kind: 'wait', afterMs: null }
    await sendDepositBegin(dependencies, provider, deposit, begin)
    return { kind: 'wait', afterMs: 0 }
  }
  if (deposit.wish === 'release' && isUntouched(deposit)) {
    // Letting go moves no money, so it needs no look before: that is a third of the requests when a lot closes.
    const operation = await planRelease(db, id)
    if (operation !== undefined) {
      const planned = { ...deposit, operations: [...deposit.operations, operation] }
      await sendCommitted(dependencies, provider, planned, operation)
      return { kind: 'again' }
    }
  }
  const seen = await provider.look(referenceOf(deposit, deposit.reference))
  const step = await outboxTransaction(db, (tx) => fold(dependencies, tx, id, seen))
  if (step.kind === 'send') await send(dependencies, provider, deposit, step.operation)
  return step
}

/** Nothing was asked of the provider but to hold it. */
const isUntouched = ({ operations }: Deposit) => operations.every(({ kind }) => kind === 'begin')

/** Undefined: another process was first. */
function planRelease(db: Kysely<Database>, id: string): Promise<DepositOperation | undefined> {
  return db.transaction().execute(async (tx) => {
    const current = await lockDeposit(tx, id)
    if (current === undefined || isDepositOver(current.state) || !isUntouched(current)) return
    return planDepositSending(tx, id, 'cancel')
  })
}

const referenceOf = ({ chargeReference }: Deposit, reference: string): AttemptReference => ({
  reference,
  chargeReference,
})

/** Decides from what the provider shows, under the lock of the deposit. */
async function fold(
  { metrics }: DepositDependencies,
  tx: Tx,
  id: string,
  seen: ProviderState,
): Promise<Step> {
  const deposit = await lockDeposit(tx, id)
  if (deposit === undefined) throw new Error(`there is no deposit ${id}`)
  const capture = deposit.operations.find(({ kind }) => kind === 'capture')
  const cancel = deposit.operations.find(({ kind }) => kind === 'cancel')
  if (deposit.chargeReference !== seen.chargeReference && seen.chargeReference !== null) {
    await updateDeposit(tx, id, { chargeReference: seen.chargeReference })
  }
  const now = await readClock(tx)
  if (isReturning(deposit)) return foldReturn(tx, deposit, seen, { now, metrics })
  if (deposit.state === 'returned') return foldReturned(tx, deposit, seen)
  const { state, amount, currencyCode, wish, holdEndsAt } = deposit
  const verdict = judgeDeposit(
    { state, money: { amount, currencyCode }, wish, capture: capture?.state, holdEndsAt },
    seen,
    now,
  )
  switch (verdict.kind) {
    case 'wait': {
      const code = seen.failureCode ?? null
      if (state === 'requested' && deposit.code !== code) await updateDeposit(tx, id, { code })
      return { kind: 'wait', afterMs: waitMs(deposit, now) }
    }
    case 'hold':
      return { kind: 'wait', afterMs: await hold(tx, deposit, seen, now) }
    case 'capture':
      if (capture !== undefined) return { kind: 'send', operation: capture }
      await planDepositOperation(tx, id, 'capture')
      return { kind: 'again' }
    case 'cancel':
      if (cancel === undefined) {
        await planDepositOperation(tx, id, 'cancel')
        return { kind: 'again' }
      }
      await planDepositAgain(tx, cancel.id)
      return { kind: 'send', operation: cancel }
    case 'settle':
      await settle(tx, deposit, now)
      if (capture !== undefined) await markDepositOperation(tx, capture.id, 'done')
      metrics.depositEnded('captured')
      return deposit.returnWishedAt === null ? { kind: 'wait', afterMs: null } : { kind: 'again' }
    case 'end':
      await end(tx, deposit, verdict, now)
      if (cancel !== undefined) await markDepositOperation(tx, cancel.id, 'done')
      // Refused, because there was nothing left to take.
      if (capture !== undefined) await markDepositOperation(tx, capture.id, 'failed', 'hold_lost')
      metrics.depositEnded(verdict.state)
      return { kind: 'wait', afterMs: null }
    case 'mismatch':
      await stopForOperator(tx, deposit, verdict.theirs)
      metrics.depositEnded('mismatch')
      return { kind: 'wait', afterMs: null }
    case 'none':
      return { kind: 'wait', afterMs: null }
  }
}

function waitMs({ state, wish, expiresAt, holdEndsAt }: Deposit, now: Date): number {
  // A wish is under way.
  if (wish !== null) return MINUTE_MS
  const untilMs = (at: Date) => at.getTime() - now.getTime() + SECOND_MS
  if (state === 'requested') return between(untilMs(expiresAt), SECOND_MS, OPEN_LOOK_MS)
  const endMs = holdEndsAt === null ? HELD_LOOK_MS : untilMs(holdEndsAt)
  // Past its end the bank lets go when it likes.
  return endMs <= 0 ? HOUR_MS : between(endMs, SECOND_MS, HELD_LOOK_MS)
}

const between = (value: number, least: number, most: number) =>
  Math.min(Math.max(value, least), most)

/** The card holds it: the bidder may bid, and an older hold for the same lot is let go of. */
async function hold(tx: Tx, deposit: Deposit, seen: ProviderState, now: Date): Promise<number> {
  const heldUntil = seen.holdEndsAt ?? new Date(now.getTime() + HOLD_ASSUMED_MS)
  const sequence = deposit.sequence + 1
  await updateDeposit(tx, deposit.id, {
    state: 'held',
    code: null,
    nextUrl: null,
    holdEndsAt: heldUntil,
    heldAt: now,
    // The lot may have closed while the bidder was on the page.
    lotCheckAt: now,
    sequence,
  })
  await releaseReplaced(tx, deposit)
  await writeOutbox(tx, [heldEvent(deposit, heldUntil, { sequence, at: now })])
  return waitMs({ ...deposit, state: 'held', holdEndsAt: heldUntil }, now)
}

/** It is taken: the ledger, the state and the event in one transaction. */
async function settle(tx: Tx, deposit: Deposit, now: Date): Promise<void> {
  const { id, orderId, sellerId, currencyCode, amount, sellerPercent } = deposit
  if (orderId === null) throw new Error(`deposit ${id} is taken for no order`)
  const sequence = deposit.sequence + 1
  await updateDeposit(tx, id, {
    state: 'captured',
    code: null,
    endedAt: now,
    lotCheckAt: null,
    sequence,
  })
  // Before the entry, as whatever moves what is payable of a seller.
  if (sellerPart(amount, sellerPercent) > 0n) await putCandidate(tx, sellerId, currencyCode)
  await post(tx, depositCaptured({ ...deposit, orderId }))
  await writeOutbox(tx, [capturedEvent(deposit, orderId, { sequence, at: now })])
}

/** It was taken for an order that is paid by now: what was earned by it is owed to the bidder, until the provider gave it back. */
async function foldReturn(
  tx: Tx,
  deposit: Deposit,
  seen: ProviderState,
  { now, metrics }: { now: Date; metrics: PaymentMetrics },
): Promise<Step> {
  const { id, orderId, amount, currencyCode, sellerId } = deposit
  if (orderId === null) throw new Error(`deposit ${id} was taken for no order`)
  const refund = deposit.operations.find(({ kind }) => kind === 'refund')
  const money = { amount, currencyCode }
  const verdict = judgeReturn({ id, money, refund: refund?.state }, seen)
  switch (verdict.kind) {
    case 'ask': {
      if (refund !== undefined) return { kind: 'send', operation: refund }
      await putCandidate(tx, sellerId, currencyCode)
      await post(tx, depositReturned({ ...deposit, orderId }))
      // What the seller was paid out of it is asked back, or netted.
      await collectDebt(tx, { sellerId, currencyCode })
      await planDepositOperation(tx, id, 'refund')
      return { kind: 'again' }
    }
    case 'wait':
      return { kind: 'wait', afterMs: OPEN_LOOK_MS }
    case 'settle': {
      const sequence = deposit.sequence + 1
      await updateDeposit(tx, id, { state: 'returned', returnedAt: now, sequence })
      await post(tx, depositRefunded({ ...deposit, orderId }))
      if (refund !== undefined) await markDepositOperation(tx, refund.id, 'done')
      await writeOutbox(tx, [releasedEvent(deposit, 'paid', { sequence, at: now }, true)])
      metrics.depositEnded('returned')
      return { kind: 'wait', afterMs: null }
    }
    case 'fail': {
      await updateDeposit(tx, id, { code: RETURN_FAILED })
      if (refund !== undefined) {
        await markDepositOperation(tx, refund.id, 'failed', 'refund_failed')
      }
      const { provider, reference } = deposit
      await recordDifference(tx, {
        provider,
        kind: 'refunded_amount',
        reference: deposit.chargeReference ?? reference ?? id,
        paymentId: null,
        ours: `deposit ${id}: ${amount} ${currencyCode} to be given back`,
        theirs: verdict.theirs,
      })
      return { kind: 'wait', afterMs: null }
    }
  }
}

/** It was given back. The ledger says so, and what the provider says differently is for an operator. */
async function foldReturned(
  tx: Tx,
  { id, provider }: Deposit,
  { refunds }: ProviderState,
): Promise<Step> {
  const given = refunds.find(({ refundId }) => refundId === id)
  if (given?.state === 'failed') {
    await recordDifference(tx, {
      provider,
      kind: 'refunded_amount',
      reference: given.reference,
      paymentId: null,
      ours: `deposit ${id} given back`,
      theirs: 'failed',
    })
  }
  return { kind: 'wait', afterMs: null }
}

/** It is over without money. Only what was held is published: nothing else was known to anyone. */
async function end(
  tx: Tx,
  deposit: Deposit,
  { state, by }: Extract<DepositVerdict, { kind: 'end' }>,
  now: Date,
): Promise<void> {
  const isKnown = deposit.heldAt !== null
  const sequence = deposit.sequence + (isKnown ? 1 : 0)
  const reason = reasonOf(deposit, by)
  const ownCode = state === 'failed' ? deposit.code : null
  await updateDeposit(tx, deposit.id, {
    state,
    code: ownCode ?? `deposit.${reason}`,
    nextUrl: null,
    endedAt: now,
    lotCheckAt: null,
    sequence,
  })
  if (isKnown) await writeOutbox(tx, [releasedEvent(deposit, reason, { sequence, at: now })])
}

function reasonOf({ wishReason }: Deposit, by: 'wish' | 'time' | 'provider'): DepositRelease {
  switch (by) {
    case 'wish':
      return (wishReason ?? 'lost') as DepositRelease
    case 'time':
      return 'expired'
    case 'provider':
      return 'hold_lost'
  }
}

/** Nothing moves any more until an operator has looked. */
async function stopForOperator(tx: Tx, deposit: Deposit, theirs: string): Promise<void> {
  const { id, provider, reference, amount, currencyCode, state, operations } = deposit
  await updateDeposit(tx, id, { state: 'mismatch', nextUrl: null, lotCheckAt: null })
  // What was sent is not waited for any more: the operator looks at what came of it.
  for (const operation of operations) {
    if (operation.state !== 'sending' && operation.state !== 'unknown') continue
    await markDepositOperation(tx, operation.id, 'failed', 'mismatch')
  }
  await recordDifference(tx, {
    provider,
    kind: 'mismatch',
    reference: reference ?? id,
    paymentId: null,
    ours: `deposit ${id}: ${amount} ${currencyCode}, ${state}`,
    theirs,
  })
}

/** Sends what was planned. What came of it, a look says. */
async function send(
  dependencies: DepositDependencies,
  provider: PaymentProvider,
  { id }: Deposit,
  operation: DepositOperation,
): Promise<void> {
  const deposit = await dependencies.db.transaction().execute(async (tx) => {
    await lockDeposit(tx, id)
    await markDepositSending(tx, operation.id)
    return readDeposit(tx, id)
  })
  if (deposit !== undefined) await sendCommitted(dependencies, provider, deposit, operation)
}

/** Sends what is committed as being sent. */
async function sendCommitted(
  { db, metrics }: DepositDependencies,
  provider: PaymentProvider,
  deposit: Deposit,
  operation: DepositOperation,
): Promise<void> {
  if (deposit.reference === null) return
  const mark = (state: 'done' | 'failed' | 'unknown', code?: string) =>
    db.transaction().execute((tx) => markDepositOperation(tx, operation.id, state, code))
  try {
    await request(provider, deposit, deposit.reference, operation)
    // That a hold is let go of is marked by the look that follows: with thousands of them each commit counts. A page may stay open for
    // long after that, and so may a hold that was let go of before.
    const isSeenNext =
      operation.kind === 'cancel' && deposit.state === 'held' && triesOf(deposit, operation) === 1
    if (!isSeenNext) await mark('done')
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error
    metrics.problem(`deposit_${operation.kind}`, error.problem)
    if (error.problem === 'refused') {
      await mark('failed', error.code)
      return
    }
    if (error.code === TOO_MANY) {
      await db.transaction().execute((tx) => markDepositUnsent(tx, operation.id))
    } else await mark('unknown', error.code)
    throw error
  }
}

const triesOf = ({ operations }: Deposit, { id }: Pick<DepositOperation, 'id'>): number =>
  operations.find((operation) => operation.id === id)?.tries ?? 0

async function request(
  provider: PaymentProvider,
  deposit: Deposit,
  reference: string,
  { id, kind, key }: DepositOperation,
): Promise<void> {
  const attempt = referenceOf(deposit, reference)
  const { amount, currencyCode } = deposit
  if (kind === 'capture') return provider.capture(attempt, { amount, currencyCode }, key)
  if (kind === 'refund') {
    await provider.refund(attempt, { refundId: deposit.id, money: { amount, currencyCode } }, key)
    return
  }
  if (kind !== 'cancel') return
  // Letting go a second time does nothing, but under an old key the provider would only repeat its old answer.
  const tries = triesOf(deposit, { id })
  return provider.cancel({ ...attempt, isHeld: deposit.state === 'held' }, `${key}:${tries}`)
}

/** Asks the provider to begin. The answer may be lost: the same key and terms begin the same again. */
export async function sendDepositBegin(
  { db, metrics }: Pick<DepositDependencies, 'db' | 'metrics'>,
  provider: PaymentProvider,
  deposit: Deposit,
  operation: DepositOperation,
): Promise<void> {
  const endBegin = (state: 'failed' | 'expired', code: string) =>
    db.transaction().execute(async (tx) => {
      const current = await lockDeposit(tx, deposit.id)
      await markDepositOperation(tx, operation.id, 'failed', code)
      if (current?.state !== 'requested' || current.reference !== null) return
      const endedAt = await readClock(tx)
      await updateDeposit(tx, deposit.id, { state, code, endedAt, lotCheckAt: null })
    })
  // No bidder has seen the page, so no one can pay on it any more.
  if (deposit.expiresAt.getTime() <= Date.now()) return endBegin('expired', 'deposit.expired')
  if (operation.state !== 'sending') {
    await db.transaction().execute((tx) => markDepositSending(tx, operation.id))
  }
  try {
    const { reference, next } = await provider.begin(
      {
        attemptId: deposit.id,
        paymentId: deposit.id,
        money: { amount: deposit.amount, currencyCode: deposit.currencyCode },
        description: `Deposit for lot ${deposit.itemId}`,
        returnUrl: deposit.returnUrl,
        cancelUrl: deposit.returnUrl,
        expiresAt: deposit.expiresAt,
      },
      operation.key,
    )
    await db.transaction().execute(async (tx) => {
      const current = await lockDeposit(tx, deposit.id)
      await markDepositOperation(tx, operation.id, 'done')
      if (current === undefined || isDepositOver(current.state)) return
      const nextUrl = next.kind === 'redirect' ? next.url : null
      await updateDeposit(tx, deposit.id, { reference, nextUrl })
    })
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error
    metrics.problem('deposit_begin', error.problem)
    switch (error.problem) {
      case 'refused':
        return endBegin('failed', `provider.${error.code}`)
      case 'mismatch':
        return db.transaction().execute(async (tx) => {
          const current = await lockDeposit(tx, deposit.id)
          if (current === undefined || isDepositOver(current.state)) return
          await stopForOperator(tx, current, error.message)
        })
      default:
        await db
          .transaction()
          .execute((tx) =>
            error.code === TOO_MANY
              ? markDepositUnsent(tx, operation.id)
              : markDepositOperation(tx, operation.id, 'unknown', error.code),
          )
        throw error
    }
  }
}
