import type { Kysely } from 'kysely'
import type { PayoutProvider, ProviderTransfer, TransferState } from '#src/domain/payout.ts'
import { ProviderError } from '#src/domain/provider.ts'
import { type Difference, recordDifference } from '#src/infra/postgres/payments/differences.ts'
import {
  readComparedPayout,
  readPaidBetween,
  wakePayout,
} from '#src/infra/postgres/payouts/payouts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { isBeingReversed, mismatchOf, oursOf, textOf } from './compare-payout.ts'

export interface ReconciledTransfers {
  transfers: number
  differences: number
}

const LOOKS_MAX = 3

/**
 * Compares the transfers of a time in both directions: each that the provider made, and each payout that we hold for paid. A
 * list is old when it is read, so what differs is looked at, and is a difference only while our row stays the same.
 */
export async function reconcileTransfers(
  db: Kysely<Database>,
  provider: PayoutProvider,
  from: Date,
  to: Date,
  stopping?: AbortSignal,
): Promise<ReconciledTransfers> {
  const counts: ReconciledTransfers = { transfers: 0, differences: 0 }
  const found = new Set<string>()
  const record: Record = async (difference) => {
    // Both directions may come upon the same one.
    found.add(`${difference.kind} ${difference.reference}`)
    counts.differences = found.size
    await recordDifference(db, { provider: provider.name, paymentId: null, ...difference })
  }
  for await (const transfer of provider.transfers(from, to)) {
    stopping?.throwIfAborted()
    counts.transfers += 1
    const payout = await readComparedPayout(db, transfer.payoutId)
    if (payout === undefined) {
      await record({
        kind: 'unknown_transfer',
        reference: transfer.reference,
        ours: 'no payout',
        theirs: textOf(transfer),
      })
    } else if (oursOf(payout) !== textOf(transfer)) {
      await compareTwice(db, provider, payout.id, transfer, record)
    }
  }
  let after: { changedAt: string; id: string } | undefined
  do {
    const page = await readPaidBetween(db, provider.name, from, to, after)
    for (const { id } of page) {
      stopping?.throwIfAborted()
      await compareTwice(db, provider, id, undefined, record)
    }
    after = page.at(-1)
  } while (after !== undefined)
  return counts
}

type Record = (difference: Omit<Difference, 'provider' | 'paymentId'>) => Promise<void>

async function compareTwice(
  db: Kysely<Database>,
  provider: PayoutProvider,
  id: string,
  listed: ProviderTransfer | undefined,
  record: Record,
): Promise<void> {
  for (let tries = 0; tries < LOOKS_MAX; tries += 1) {
    const before = await readComparedPayout(db, id)
    if (before === undefined) return
    // One that is decided during the look would look like a difference.
    if (await isBeingReversed(db, id)) break
    let seen: TransferState
    try {
      seen = await provider.lookTransfer(before)
    } catch (error) {
      if (!(error instanceof ProviderError) || error.problem !== 'mismatch') throw error
      await record(mismatchOf(before, error))
      return
    }
    const after = await readComparedPayout(db, id)
    if (after === undefined || oursOf(before) !== oursOf(after)) continue
    // What is not decided yet is decided by the worker's look.
    const isOpen = ['planned', 'sending', 'unknown'].includes(after.state)
    if (isOpen || (await isBeingReversed(db, id))) break
    const ours = oursOf(after)
    if (seen.kind !== 'done') {
      if (after.state === 'failed') return
      await record({
        kind: 'missing_transfer',
        reference: id,
        payoutId: id,
        ours,
        theirs: seen.kind,
      })
      return
    }
    const reversed = (seen.reversals ?? []).reduce((sum, { amount }) => sum + amount, 0n)
    const theirs = textOf({
      payoutId: id,
      reference: seen.reference,
      // A look has compared amount and currency with ours.
      amount: after.amount,
      currencyCode: after.currencyCode,
      accountReference: listed?.accountReference ?? after.accountReference,
      reversed,
    })
    if (ours === theirs) return
    // Money that came back by itself is booked by the worker first.
    if (after.state === 'done' && reversed > after.reversedAmount) break
    await record({ kind: 'transfer_amount', reference: id, payoutId: id, ours, theirs })
    return
  }
  await wakePayout(db, provider.name, [id])
}
