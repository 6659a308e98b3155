import type { Kysely, Transaction } from 'kysely'
import {
  type PayoutProvider,
  type ProviderReversal,
  payoutReturned,
  payoutReversed,
  retryDelayMs,
} from '#src/domain/payout.ts'
import { ProviderError } from '#src/domain/provider.ts'
import { post } from '#src/infra/postgres/ledger/post.ts'
import { recordDifference } from '#src/infra/postgres/payments/differences.ts'
import { wakePayment } from '#src/infra/postgres/payments/payments.ts'
import {
  lockPaidPayout,
  type PaidPayout,
  putCandidate,
  readComparedPayout,
  scheduleCheck,
  takeDueCheck,
} from '#src/infra/postgres/payouts/payouts.ts'
import {
  endReturned,
  endReversal,
  insertForeignReversal,
  type OpenReversal,
  paymentOfRefund,
  postponeReversal,
  readReversals,
  reviveReversal,
  takeDueReversal,
} from '#src/infra/postgres/payouts/reversals.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { isBeingReversed, mismatchOf, oursOf, textOf } from './compare-payout.ts'
import type { PayoutDependencies } from './send-payouts.ts'

// Longer than a provider is waited for: no second process sends what one is sending.
const HOLD_MS = 120_000
const DAY_MS = 86_400_000
const RETRY_MS = 600_000
// In one run; after a pause of days there may be very many.
export const CHECKS_MAX = 100
/** Money of a payout that is older does not come back by itself. */
export const CHECK_DAYS = 90

/** Asks money of payouts back; returns how many requests were handled. */
export async function reversePayouts(dependencies: PayoutDependencies): Promise<number> {
  const { db, providers, log } = dependencies
  const names = providers.map(({ name }) => name)
  for (let handled = 0; ; handled += 1) {
    // Committed as being sent before the provider is asked: after a crash it is looked at, not forgotten.
    const reversal = await takeDueReversal(db, names, HOLD_MS)
    if (reversal === undefined) return handled
    try {
      await handle(dependencies, reversal)
    } catch (error) {
      log.warn({ err: error, reversalId: reversal.id }, 'it is not known whether money came back')
      if (error instanceof ProviderError && error.problem === 'mismatch') {
        await recordMismatch(db, reversal, error)
      }
      await postponeReversal(db, reversal.id, retryDelayMs(reversal.tries))
    }
  }
}

/** It stays unknown, and an operator looks. */
async function recordMismatch(
  db: Kysely<Database>,
  { id, payoutId, amount }: OpenReversal,
  { message }: ProviderError,
): Promise<void> {
  const payout = await readComparedPayout(db, payoutId)
  if (payout === undefined) return
  await recordDifference(db, {
    provider: payout.provider,
    kind: 'transfer_amount',
    reference: id,
    paymentId: null,
    payoutId,
    ours: `${amount} ${payout.currencyCode} back`,
    theirs: message,
  })
}

async function handle(dependencies: PayoutDependencies, reversal: OpenReversal): Promise<void> {
  const { db, providers } = dependencies
  const payout = await db.transaction().execute((tx) => lockPaidPayout(tx, reversal.payoutId))
  const provider = providers.find(({ name }) => name === payout?.provider)
  if (payout === undefined || provider === undefined) {
    throw new Error(`payout ${reversal.payoutId} cannot be reversed`)
  }
  const shown = reversal.state === 'planned' ? undefined : await find(provider, payout, reversal)
  const end =
    shown === undefined
      ? await ask(provider, payout, reversal)
      : ({ state: 'done', reference: shown.reference } as const)
  await settleReversal(dependencies, reversal.id, payout, end)
}

async function find(
  provider: PayoutProvider,
  payout: PaidPayout,
  { id, amount }: OpenReversal,
): Promise<ProviderReversal | undefined> {
  const seen = await provider.lookTransfer(payout)
  const reversals = seen.kind === 'done' ? (seen.reversals ?? []) : []
  const found = reversals.find((one) => one.reversalId === id)
  if (found === undefined || found.amount === amount) return found
  // Booked with our amount, the ledger would not be what the provider holds.
  const text = `${found.reference}: ${found.amount} ${payout.currencyCode} back`
  throw new ProviderError('mismatch', 'amount', text)
}

type End = { state: 'done'; reference: string } | { state: 'failed'; code: string }

async function ask(
  provider: PayoutProvider,
  { reference, currencyCode }: PaidPayout,
  { id, amount }: OpenReversal,
): Promise<End> {
  try {
    const request = { transferReference: reference, reversalId: id, amount, currencyCode }
    const done = await provider.reverse(request, `reversal:${id}`)
    return { state: 'done', reference: done.reference }
  } catch (error) {
    if (!(error instanceof ProviderError) || error.problem !== 'refused') throw error
    // The seller has spent it: it stays a debt.
    return { state: 'failed', code: error.code }
  }
}

/** Records how one ended, once. The refund that waited for it goes on. */
async function settleReversal(
  { db, metrics }: Pick<PayoutDependencies, 'db' | 'metrics'>,
  id: string,
  payout: PaidPayout,
  end: End,
): Promise<void> {
  const ended = await db.transaction().execute(async (tx) => {
    const recorded = await lockAndEnd(tx, id, payout, end)
    if (recorded === undefined) return undefined
    if (end.state === 'done') await post(tx, payoutReversed(payout, id, recorded.amount))
    return recorded
  })
  if (ended === undefined) return
  metrics.reversal(end.state)
  const paymentId = ended.refundId === null ? undefined : await paymentOfRefund(db, ended.refundId)
  if (paymentId !== undefined) await wakePayment(db, paymentId)
}

async function lockAndEnd(
  tx: Transaction<Database>,
  id: string,
  { id: payoutId, sellerId, currencyCode }: PaidPayout,
  end: End,
) {
  // More may have become payable meanwhile than the seller owed.
  await putCandidate(tx, sellerId, currencyCode)
  await lockPaidPayout(tx, payoutId)
  return endReversal(tx, id, end)
}

/**
 * Looks at payouts that were paid, some at a time: money that came back by itself is the seller's again. Returns how many it
 * looked at.
 */
export async function checkPaid(
  dependencies: PayoutDependencies,
  stopping?: AbortSignal,
): Promise<number> {
  const { db, providers, log } = dependencies
  const names = providers.map(({ name }) => name)
  for (let looked = 0; ; looked += 1) {
    if (looked === CHECKS_MAX || stopping?.aborted === true) return looked
    const payout = await takeDueCheck(db, names, HOLD_MS)
    const provider = providers.find(({ name }) => name === payout?.provider)
    if (payout === undefined || provider === undefined) return looked
    try {
      const isWhole = await check(dependencies, provider, payout)
      await scheduleCheck(db, payout.id, isWhole ? DAY_MS : RETRY_MS, CHECK_DAYS)
    } catch (error) {
      log.warn({ err: error, payoutId: payout.id }, 'a payout could not be looked at')
      if (error instanceof ProviderError && error.problem === 'mismatch') {
        const { provider: name } = payout
        await recordDifference(db, {
          provider: name,
          paymentId: null,
          ...mismatchOf(payout, error),
        })
      }
      await scheduleCheck(db, payout.id, RETRY_MS, CHECK_DAYS)
    }
  }
}

/** False: a reversal of ours that is under way comes first. */
async function check(
  dependencies: PayoutDependencies,
  provider: PayoutProvider,
  before: PaidPayout,
): Promise<boolean> {
  const { db } = dependencies
  // One that is decided during the look would look like a difference.
  const wasBeingReversed = await isBeingReversed(db, before.id)
  const seen = await provider.lookTransfer(before)
  const reversals = seen.kind === 'done' ? (seen.reversals ?? []) : []
  const isWhole = await foldReturns(dependencies, before, reversals)
  const after = await readComparedPayout(db, before.id)
  if (wasBeingReversed || after === undefined || (await isBeingReversed(db, before.id))) {
    return isWhole
  }
  if (oursOf(after) !== oursOf(before)) return isWhole
  const ours = oursOf(after)
  const about = {
    provider: after.provider,
    paymentId: null,
    payoutId: after.id,
    reference: after.id,
    ours,
  } as const
  if (seen.kind !== 'done') {
    await recordDifference(db, { ...about, kind: 'missing_transfer', theirs: seen.kind })
    return isWhole
  }
  const reversed = reversals.reduce((sum, { amount }) => sum + amount, 0n)
  const theirs = textOf({ ...after, payoutId: after.id, reference: seen.reference, reversed })
  if (ours !== theirs) await recordDifference(db, { ...about, kind: 'transfer_amount', theirs })
  return isWhole
}

/** Brings what came back into the ledger. False: a reversal of ours that is under way comes first. */
export async function foldReturns(
  { db, metrics }: Pick<PayoutDependencies, 'db' | 'metrics'>,
  { id, sellerId, currencyCode }: PaidPayout,
  seen: readonly ProviderReversal[],
): Promise<boolean> {
  const ours = await readReversals(db, id)
  const known = new Set(ours.map(({ reference }) => reference))
  // Refused to us, and made after all, is as fresh as what came by itself.
  const fresh = seen.flatMap((one) => {
    const own = ours.find(({ id: ownId }) => ownId === one.reversalId)
    const isFresh = !known.has(one.reference) && (own === undefined || own.state === 'failed')
    return isFresh ? [{ ...one, own }] : []
  })
  if (fresh.length === 0) return true
  return db.transaction().execute(async (tx) => {
    await putCandidate(tx, sellerId, currencyCode)
    const payout = await lockPaidPayout(tx, id)
    if (payout === undefined) return true
    let left = payout.amount - payout.reversedAmount
    for (const { reference, amount, own } of fresh) {
      // What we ask for besides will be refused.
      if (amount > left) return false
      if (own !== undefined) {
        // With another amount it is a difference, which the sums show.
        if (amount !== own.amount || !(await reviveReversal(tx, own.id, reference))) continue
        left -= amount
        await post(tx, payoutReversed(payout, own.id, amount))
        continue
      }
      const reversalId = await insertForeignReversal(tx, id, { reference, amount })
      if (reversalId === undefined) continue
      left -= amount
      await post(tx, payoutReturned(payout, reversalId, amount))
    }
    if (await endReturned(tx, id)) metrics.payout('returned')
    return true
  })
}
