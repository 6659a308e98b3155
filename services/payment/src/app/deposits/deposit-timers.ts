import { readClock } from '@auction/common/postgres/clock.ts'
import type { Timer } from '@auction/common/process/repeat.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import { drainDue } from '#src/app/payments/drain-due.ts'
import {
  NIL,
  takeDueDeposits,
  takeExpiring,
  wakeReturns,
} from '#src/infra/postgres/deposits/deposits.ts'
import { advanceDeposit, type DepositDependencies } from './advance-deposit.ts'
import { expiringEvent } from './deposit-events.ts'
import type { LotClient } from './lot-client.ts'
import { createPace, type Pace } from './pace.ts'
import { settleDueLots } from './settle-lots.ts'

const LOOK_INTERVAL_MS = 100
/** Of one worker. A provider that takes fewer says so. */
export const RELEASES_AT_ONCE = 48
const LOT_INTERVAL_MS = 1_000
const EXPIRING_INTERVAL_MS = 60_000
const EXPIRING_MAX = 200
const RETURNS_INTERVAL_MS = 60_000
const RETURNS_PAGE = 1_000

export interface DepositTimerDependencies extends DepositDependencies {
  lots: LotClient
  /** Of one lot. */
  releasesPerSecond: number
}

/** What the worker repeats for deposits. */
export function createDepositTimers(dependencies: DepositTimerDependencies): Timer[] {
  const pace = createPace(RELEASES_AT_ONCE)
  let keptAfter = NIL
  return [
    {
      name: 'deposits',
      intervalMs: LOOK_INTERVAL_MS,
      run: (stopping) => advanceDueDeposits(dependencies, stopping),
    },
    {
      name: 'releases of deposits',
      intervalMs: LOOK_INTERVAL_MS,
      run: (stopping) => releaseDueDeposits(dependencies, pace, stopping),
    },
    {
      name: 'lots of deposits',
      intervalMs: LOT_INTERVAL_MS,
      run: () => settleDueLots(dependencies),
    },
    {
      name: 'holds that end',
      intervalMs: EXPIRING_INTERVAL_MS,
      run: () => announceExpiring(dependencies),
    },
    {
      name: 'returns of deposits',
      intervalMs: RETURNS_INTERVAL_MS,
      async run() {
        keptAfter = await wakeReturns(dependencies.db, keptAfter, RETURNS_PAGE)
      },
    },
  ]
}

/** Takes deposits that are due and are not let go of, until none is; several workers share them. */
export function advanceDueDeposits(
  dependencies: DepositDependencies,
  stopping?: AbortSignal,
): Promise<void> {
  return drainDue(
    (limit, leaseMs) => takeDueDeposits(dependencies.db, limit, leaseMs, false),
    (taken) => advanceDeposit(dependencies, taken),
    stopping,
  )
}

/** Lets go of deposits until none is due: as many at once as the provider takes. */
export function releaseDueDeposits(
  dependencies: DepositDependencies,
  pace: Pace,
  stopping?: AbortSignal,
): Promise<void> {
  return drainDue(
    (limit, leaseMs) => takeDueDeposits(dependencies.db, limit, leaseMs, true),
    (taken) => advanceDeposit(dependencies, taken, pace),
    stopping,
    pace.atOnce,
  )
}

/** Publishes once of each hold that it ends before its lot, a day ahead. Returns how many these were. */
export async function announceExpiring({ db }: Pick<DepositDependencies, 'db'>): Promise<number> {
  for (let total = 0; ; ) {
    const count = await outboxTransaction(db, async (tx) => {
      const deposits = await takeExpiring(tx, EXPIRING_MAX)
      const at = await readClock(tx)
      await writeOutbox(
        tx,
        deposits.map((deposit) =>
          expiringEvent(deposit, deposit.holdEndsAt ?? at, { sequence: deposit.sequence, at }),
        ),
      )
      return deposits.length
    })
    total += count
    if (count < EXPIRING_MAX) return total
  }
}
