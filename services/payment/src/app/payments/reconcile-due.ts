import { reconcileTransfers } from '#src/app/payouts/reconcile-transfers.ts'
import {
  endReconciliation,
  postponeReconciliation,
  takeReconciliation,
} from '#src/infra/postgres/payments/reconciliations.ts'
import type { AdvanceDependencies } from './advance.ts'
import { reconcile } from './reconcile.ts'

const HOUR_MS = 3_600_000
const LEASE_MS = 6 * HOUR_MS
const RETRY_MS = HOUR_MS / 4
// What began before the last comparison may have ended after it.
const OVERLAP_MS = 24 * HOUR_MS

/** Compares the books of each provider with ours, once a night by one of the workers. */
export async function reconcileDue(
  {
    db,
    providers,
    payoutProviders,
    log,
  }: Pick<AdvanceDependencies, 'db' | 'providers' | 'payoutProviders' | 'log'>,
  stopping?: AbortSignal,
): Promise<void> {
  for (const [name, provider] of providers) {
    const taken = await takeReconciliation(db, name, LEASE_MS)
    if (taken === undefined) continue
    const { comparedTo, now } = taken
    const from = new Date((comparedTo ?? now).getTime() - OVERLAP_MS)
    try {
      const charged = await reconcile(db, provider, from, now, stopping)
      const payer = payoutProviders.find((one) => one.name === name)
      const paid =
        payer === undefined
          ? { transfers: 0, differences: 0 }
          : await reconcileTransfers(db, payer, from, now, stopping)
      const differences = charged.differences + paid.differences
      const counts = { ...charged, ...paid, differences }
      await endReconciliation(db, name, { ...counts, comparedTo: now })
      log.info({ provider: name, ...counts }, 'books were compared')
    } catch (error) {
      await postponeReconciliation(db, name, stopping?.aborted === true ? 0 : RETRY_MS)
      if (stopping?.aborted === true) return
      throw error
    }
  }
}
