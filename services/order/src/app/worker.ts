import { createInternalClient } from '@auction/common/http/internal-client.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import type { WorkerParts } from '@auction/common/process/run-worker.ts'
import { orderSettings, type WorkerConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { createConsumers } from './consumers.ts'
import { createOrderMetrics } from './metrics/order-metrics.ts'
import { createTimers } from './timers.ts'

/** The consumers and timers of the order worker, from its settings. */
export function buildWorker(
  config: WorkerConfig,
  { db, log, registry }: DatabaseContext<Database>,
): WorkerParts<Database> {
  const settings = orderSettings(config)
  const metrics = createOrderMetrics(registry)
  const clientOf = (target: string, baseUrl: string) =>
    createInternalClient({
      service: SERVICE.name,
      target,
      baseUrl,
      secret: config.INTERNAL_JWT_SECRET,
    })
  const auction = clientOf('auction', config.AUCTION_URL)
  const lots = clientOf('bid', config.BID_URL)
  return {
    consumers: createConsumers({ settings, log, observe: metrics }),
    timers: createTimers({ db, log, settings, auction, lots, metrics }),
  }
}
