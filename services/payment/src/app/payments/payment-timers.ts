import type { Timer } from '@auction/common/process/repeat.ts'
import { findDepositByReferences, wakeDeposit } from '#src/infra/postgres/deposits/deposits.ts'
import {
  findByReferences,
  takeDuePayments,
  wakeForChecks,
  wakePayment,
} from '#src/infra/postgres/payments/payments.ts'
import {
  purgeProviderEvents,
  readOrphans,
  takeOrphan,
} from '#src/infra/postgres/payments/provider-events.ts'
import { type AdvanceDependencies, advancePayment } from './advance.ts'
import { drainDue } from './drain-due.ts'
import { reconcileDue } from './reconcile-due.ts'

const LOOK_INTERVAL_MS = 100
const ORPHAN_INTERVAL_MS = 5_000
const ORPHANS_MAX = 500
const CHECK_INTERVAL_MS = 10_000
// Those that are late after an outage come a few at a time, and not before buyers who pay.
const CHECKS_AT_ONCE = 50
// Cards can be charged back for 120 days.
const CHECK_DAYS = 120
const RECONCILE_INTERVAL_MS = 60_000
const PURGE_INTERVAL_MS = 60 * 60_000
const REPORT_DAYS = 90
const PURGE_MAX = 1_000

/** What the worker repeats for payments. */
export function createPaymentTimers(dependencies: AdvanceDependencies): Timer[] {
  const { db } = dependencies
  return [
    {
      name: 'payments',
      intervalMs: LOOK_INTERVAL_MS,
      run: (stopping) => advanceDue(dependencies, stopping),
    },
    {
      name: 'orphaned reports',
      intervalMs: ORPHAN_INTERVAL_MS,
      run: () => adoptOrphans(dependencies),
    },
    {
      name: 'checks of captured payments',
      intervalMs: CHECK_INTERVAL_MS,
      run: () => checkCaptured(dependencies),
    },
    {
      name: 'reconciliation',
      intervalMs: RECONCILE_INTERVAL_MS,
      run: (stopping) => reconcileDue(dependencies, stopping),
    },
    {
      name: 'purge of reports',
      intervalMs: PURGE_INTERVAL_MS,
      async run() {
        while ((await purgeProviderEvents(db, REPORT_DAYS, PURGE_MAX)) === PURGE_MAX);
      },
    },
  ]
}

/** Takes what is due until nothing is; several workers share it. */
export async function advanceDue(
  dependencies: AdvanceDependencies,
  stopping?: AbortSignal,
): Promise<void> {
  await drainDue(
    (limit, leaseMs) => takeDuePayments(dependencies.db, limit, leaseMs),
    (taken) => advancePayment(dependencies, taken),
    stopping,
  )
}

/** Looks at captured payments of which nothing was reported: a report may be lost. */
export async function checkCaptured({ db }: Pick<AdvanceDependencies, 'db'>): Promise<number> {
  return wakeForChecks(db, { limit: CHECKS_AT_ONCE, days: CHECK_DAYS })
}

/** A report that overtook our own answer finds its payment, or its deposit, a little later. */
export async function adoptOrphans({ db }: Pick<AdvanceDependencies, 'db'>): Promise<void> {
  for (const orphan of await readOrphans(db, ORPHANS_MAX)) {
    const { provider, references } = orphan
    const paymentId = await findByReferences(db, provider, references)
    if (paymentId === undefined) {
      const depositId = await findDepositByReferences(db, provider, references)
      if (depositId === undefined) continue
      await takeOrphan(db, orphan, null)
      await wakeDeposit(db, depositId)
      continue
    }
    await takeOrphan(db, orphan, paymentId)
    await wakePayment(db, paymentId)
  }
}
