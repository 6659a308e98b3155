import type { InternalClient } from '@auction/common/http/internal-client.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { Timer } from '@auction/common/process/repeat.ts'
import type { Kysely } from 'kysely'
import type { OrderSettings } from '#src/domain/settings.ts'
import { readOrderCounts } from '#src/infra/postgres/metrics/order-counts.ts'
import { purgeEndedPayments } from '#src/infra/postgres/payments/ended-payments.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readTimerLag } from '#src/infra/postgres/timers/timers.ts'
import { giveUpTakeBacks } from './cancellation/give-up-take-backs.ts'
import { cancelBarredOrders } from './departures/barred.ts'
import type { OrderMetrics } from './metrics/order-metrics.ts'
import { nameNewOrders } from './naming/name-items.ts'
import { runDueTimers } from './timing/run-due-timers.ts'

const TIMERS_INTERVAL_MS = 1_000
const BARRED_INTERVAL_MS = 5_000
const GIVE_UP_INTERVAL_MS = 5_000
const NAMES_INTERVAL_MS = 2_000
const PURGE_INTERVAL_MS = 60_000
const PURGE_BATCH = 1_000
const LAG_INTERVAL_MS = 5_000
// All open orders are counted.
const COUNTS_INTERVAL_MS = 60_000

export interface TimerDependencies {
  db: Kysely<Database>
  log: Logger
  settings: OrderSettings
  /** Knows what items are called. */
  auction: InternalClient
  /** The bid service, which knows whose units are. */
  lots: InternalClient
  metrics: OrderMetrics
}

/** What the order worker repeats. */
export function createTimers(dependencies: TimerDependencies): Timer[] {
  const { db, log, settings, auction, lots, metrics } = dependencies
  return [
    {
      name: 'due timers',
      intervalMs: TIMERS_INTERVAL_MS,
      run: (stopping) => runDueTimers({ db, log, settings, observe: metrics }, stopping),
    },
    {
      name: 'barred orders',
      intervalMs: BARRED_INTERVAL_MS,
      run: (stopping) => cancelBarredOrders({ db, log, settings }, stopping),
    },
    {
      name: 'units given up',
      intervalMs: GIVE_UP_INTERVAL_MS,
      run: () => giveUpTakeBacks({ db, lots, log }),
    },
    {
      name: 'names of items',
      intervalMs: NAMES_INTERVAL_MS,
      run: () => nameNewOrders(db, auction),
    },
    {
      name: 'purge payments',
      intervalMs: PURGE_INTERVAL_MS,
      run: () => purgeEndedPayments(db, PURGE_BATCH),
    },
    {
      name: 'timer lag',
      intervalMs: LAG_INTERVAL_MS,
      run: async () => metrics.timerLag(await readTimerLag(db)),
    },
    {
      name: 'order counts',
      intervalMs: COUNTS_INTERVAL_MS,
      run: async () => metrics.counts(await readOrderCounts(db)),
    },
  ]
}
