import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely, Transaction } from 'kysely'
import {
  type PayoutProvider,
  payoutDone,
  payoutFailed,
  retryDelayMs,
  type TransferProvider,
  type TransferState,
} from '#src/domain/payout.ts'
import { ProviderError } from '#src/domain/provider.ts'
import { post } from '#src/infra/postgres/ledger/post.ts'
import { recordDifference } from '#src/infra/postgres/payments/differences.ts'
import { wakePayment } from '#src/infra/postgres/payments/payments.ts'
import { lockAccount, restrictAccount, wakeAccount } from '#src/infra/postgres/payouts/accounts.ts'
import {
  decidePayout,
  lockOpenPayout,
  type OpenPayout,
  postponePayout,
  putCandidate,
  readSellerOf,
  restorePayableSince,
  takeDuePayout,
} from '#src/infra/postgres/payouts/payouts.ts'
import { paymentsOfRefunds, takeWaits } from '#src/infra/postgres/payouts/waits.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { collectDebt } from './collect-debt.ts'
import { mismatchOf } from './compare-payout.ts'
import { accountEvent, payoutEvent } from './payout-events.ts'
import type { PayoutMetrics } from './payout-metrics.ts'

export interface PayoutDependencies {
  db: Kysely<Database>
  providers: readonly PayoutProvider[]
  log: Logger
  metrics: PayoutMetrics
}

export type SendDependencies = Omit<PayoutDependencies, 'providers'> & {
  providers: readonly TransferProvider[]
}

// Longer than a provider is waited for: no second process sends what one is sending.
const HOLD_MS = 120_000

/** Sends what is planned and looks at what is not decided; returns how many were handled. */
export async function sendPayouts(dependencies: SendDependencies): Promise<number> {
  const { db, providers, log } = dependencies
  const names = providers.map(({ name }) => name)
  for (let handled = 0; ; handled += 1) {
    // It is committed as being sent before the provider is called: after a crash it is looked at, not forgotten.
    const payout = await takeDuePayout(db, names, HOLD_MS)
    const provider = providers.find(({ name }) => name === payout?.provider)
    if (payout === undefined || provider === undefined) return handled
    try {
      await settle(dependencies, payout, await askProvider(provider, payout))
    } catch (error) {
      log.warn({ err: error, payoutId: payout.id }, 'it is not known whether a payout was paid')
      if (error instanceof ProviderError && error.problem === 'mismatch') {
        await recordMismatch(db, payout, error)
      }
      await postponePayout(db, payout.id, retryDelayMs(payout.tries))
    }
  }
}

/** It stays unknown, and blocks the next one, until an operator has looked. */
async function recordMismatch(
  db: Kysely<Database>,
  payout: OpenPayout,
  error: ProviderError,
): Promise<void> {
  const { provider } = payout
  await recordDifference(db, { provider, paymentId: null, ...mismatchOf(payout, error) })
}

async function askProvider(provider: TransferProvider, payout: OpenPayout): Promise<TransferState> {
  const send = () => provider.transfer(payout, `payout:${payout.id}`)
  if (payout.state === 'planned') return send()
  const state = await provider.lookTransfer(payout)
  // The provider never got it. The same key makes sure that this is no second payout even so.
  return state.kind === 'absent' ? send() : state
}

async function settle(
  { db, metrics }: SendDependencies,
  payout: OpenPayout,
  state: TransferState,
): Promise<void> {
  if (state.kind === 'absent' || state.kind === 'pending') {
    const reference = state.kind === 'pending' ? state.reference : undefined
    await postponePayout(db, payout.id, retryDelayMs(payout.tries), reference)
    return
  }
  const isOfAccount = state.kind === 'failed' && state.isOfAccount === true
  const ended = await outboxTransaction(db, async (tx) => {
    // Before the seller, as all that lock both.
    if (isOfAccount) await lockAccount(tx, payout.sellerId)
    const recorded = await recordOutcome(tx, payout.id, state)
    // Before another payout to it can be planned; a look says when it is over.
    if (recorded !== undefined && state.kind === 'failed' && isOfAccount) {
      if (await restrictAccount(tx, payout, state.code)) {
        const restricted = { state: 'restricted', code: state.code } as const
        await writeOutbox(tx, [accountEvent(payout, restricted, await readClock(tx))])
      }
    }
    return recorded
  })
  if (ended === undefined) return
  metrics.payout(state.kind)
  await wakePayments(db, ended.payments)
  // The account may be why.
  if (state.kind === 'failed') await wakeAccount(db, payout.provider, [payout.accountReference])
}

export type PayoutOutcome = Extract<TransferState, { kind: 'done' | 'failed' }>

/**
 * Records how a payout ended, once: undefined when that is known, or there is no such payout. What failed is payable again, and
 * tried again with the next payout. Answers the payments whose refunds waited for it, which the caller wakes.
 */
export async function recordOutcome(
  tx: Transaction<Database>,
  payoutId: string,
  outcome: PayoutOutcome,
): Promise<{ payments: string[] } | undefined> {
  // The seller before the payout, as refunds lock them.
  const seller = await readSellerOf(tx, payoutId)
  if (seller === undefined) return undefined
  await putCandidate(tx, seller.sellerId, seller.currencyCode)
  const payout = await lockOpenPayout(tx, payoutId)
  if (payout === undefined) return undefined
  const { kind, reference } = outcome
  await decidePayout(tx, payoutId, {
    state: kind,
    reference,
    code: outcome.kind === 'failed' ? outcome.code : undefined,
  })
  if (kind === 'failed') await restorePayableSince(tx, payoutId)
  await post(tx, kind === 'done' ? payoutDone(payout) : payoutFailed(payout))
  const code = outcome.kind === 'failed' ? outcome.code : undefined
  await writeOutbox(tx, [payoutEvent(payout, { code, at: await readClock(tx) })])
  // What was refunded while it was on its way is asked back first; when it failed the seller never had it.
  const waits = await takeWaits(tx, payoutId)
  if (kind === 'done') await collectDebt(tx, payout, { refunds: waits })
  return { payments: await paymentsOfRefunds(tx, waits) }
}

/** The refunds that waited for a payout go on. After its transaction: a refund locks its payment before the seller. */
export async function wakePayments(db: Kysely<Database>, payments: readonly string[]) {
  for (const id of payments) await wakePayment(db, id)
}
