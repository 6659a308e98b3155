import type { Transaction } from 'kysely'
import { MANUAL } from '#src/domain/payout.ts'
import { payoutErrors } from '#src/errors.ts'
import {
  lockOpenPayout,
  type OpenPayout,
  putCandidate,
  readSellerOf,
} from '#src/infra/postgres/payouts/payouts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { recordOutcome } from './send-payouts.ts'

export type Outcome = { outcome: 'done'; reference: string } | { outcome: 'failed'; code: string }

export type OutcomeCommand = { payoutId: string } & Outcome

/** Locks a payout that a person may end so; throws when it is not one. */
export async function lockForOutcome(
  tx: Transaction<Database>,
  { payoutId, outcome }: OutcomeCommand,
): Promise<OpenPayout> {
  const seller = await readSellerOf(tx, payoutId)
  // The seller before the payout, as refunds lock them.
  if (seller !== undefined) await putCandidate(tx, seller.sellerId, seller.currencyCode)
  const payout = await lockOpenPayout(tx, payoutId)
  if (payout === undefined) {
    throw seller === undefined ? payoutErrors.notFound() : payoutErrors.decided()
  }
  // No provider was asked for one that is planned, and the lock keeps it so.
  const isUnsent = payout.state === 'planned' && outcome === 'failed'
  if (payout.provider !== MANUAL && !isUnsent) throw payoutErrors.notManual()
  return payout
}

/** Records what a person says of a payout. Answers the payments whose refunds waited for it. */
export async function endByHand(
  tx: Transaction<Database>,
  command: OutcomeCommand,
): Promise<{ payments: string[] }> {
  const { id } = await lockForOutcome(tx, command)
  const recorded = await recordOutcome(
    tx,
    id,
    command.outcome === 'done'
      ? { kind: 'done', reference: command.reference }
      : { kind: 'failed', code: command.code },
  )
  return recorded ?? { payments: [] }
}
