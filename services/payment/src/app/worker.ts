import { createInternalClient } from '@auction/common/http/internal-client.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import type { WorkerParts } from '@auction/common/process/run-worker.ts'
import {
  createPayoutProviders,
  createProviders,
  issuerOf,
  jurisdictionOf,
  readPayoutMinimums,
  type WorkerConfig,
} from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { createConsumers } from './consumers.ts'
import { createDepositTimers } from './deposits/deposit-timers.ts'
import { createLotClient } from './deposits/lot-client.ts'
import { watchDeposits } from './deposits/watch-deposits.ts'
import { createMoneyMetrics } from './metrics.ts'
import { createOrderClient } from './payments/order-client.ts'
import { createPaymentMetrics } from './payments/payment-metrics.ts'
import { createPaymentTimers } from './payments/payment-timers.ts'
import { watchPayments } from './payments/watch-payments.ts'
import { createPayoutMetrics } from './payouts/payout-metrics.ts'
import { payableBy } from './payouts/plan-payouts.ts'
import { createTimers } from './timers.ts'

const HOUR_MS = 3_600_000

/** The consumers and timers of the payment worker, from its settings. */
export function buildWorker(
  config: WorkerConfig,
  { db, log, registry }: DatabaseContext<Database>,
): WorkerParts<Database> {
  const providers = createProviders(config)
  const orders = createOrderClient(
    createInternalClient({
      service: SERVICE.name,
      target: 'order',
      baseUrl: config.ORDER_URL,
      secret: config.INTERNAL_JWT_SECRET,
    }),
  )
  const payoutProviders = createPayoutProviders(config)
  const metrics = createPaymentMetrics(registry)
  const lots = createLotClient(
    createInternalClient({
      service: SERVICE.name,
      target: 'bid',
      baseUrl: config.BID_URL,
      secret: config.INTERNAL_JWT_SECRET,
    }),
  )
  watchPayments(db, registry, [...providers.keys()])
  watchDeposits(db, registry)
  const paymentTimers = createPaymentTimers({
    db,
    providers,
    payoutProviders,
    orders,
    jurisdiction: jurisdictionOf(config),
    log,
    metrics,
  })
  const intervalMs = config.PAYOUT_INTERVAL_HOURS * HOUR_MS
  const releasesPerSecond = config.DEPOSIT_RELEASES_PER_SECOND
  const depositTimers = createDepositTimers({
    db,
    providers,
    lots,
    releasesPerSecond,
    log,
    metrics,
  })
  const moneyTimers = createTimers({
    db,
    log,
    metrics: createMoneyMetrics(registry, intervalMs),
    payoutMetrics: createPayoutMetrics(registry),
    payoutRules: {
      minimumOf: readPayoutMinimums(config.PAYOUT_MINIMUMS),
      intervalMs,
      payable: payableBy(payoutProviders),
      opensAccounts: payoutProviders.length > 0,
    },
    payoutProviders,
    issuer: issuerOf(config),
  })
  return {
    consumers: createConsumers({ providers, releasesPerSecond }),
    timers: [...paymentTimers, ...depositTimers, ...moneyTimers],
  }
}
