import type { Timer } from '@auction/common/process/repeat.ts'
import {
  failAbandoned,
  readQueueState,
  requeueInterrupted,
} from '#src/infra/postgres/webhooks/delivery-queue.ts'
import { createWebhookDeliverer, type DelivererDependencies } from './deliver-webhooks.ts'
import { resealSecrets } from './endpoint-secrets.ts'
import { purgeWebhooks } from './purge-webhooks.ts'

const DELIVER_INTERVAL_MS = 500
const UPKEEP_INTERVAL_MS = 10_000
const PURGE_INTERVAL_MS = 600_000

/** Longer than an attempt can take: 15 seconds and the transaction after it. */
const LEASE_SECONDS = 60
const BATCH = 1_000

/** What the worker repeats for webhooks: send, take up what was interrupted, measure, and purge. */
export function createWebhookTimers(dependencies: DelivererDependencies): Timer[] {
  const { db, box, log, metrics } = dependencies
  const deliverer = createWebhookDeliverer(dependencies)
  return [
    {
      name: 'webhooks',
      intervalMs: DELIVER_INTERVAL_MS,
      run: (stopping) => deliverer.run(stopping),
    },
    {
      name: 'webhook upkeep',
      intervalMs: UPKEEP_INTERVAL_MS,
      async run() {
        const interrupted = await requeueInterrupted(db, LEASE_SECONDS, BATCH)
        if (interrupted > 0) log.info({ interrupted }, 'interrupted webhooks queued again')
        while ((await failAbandoned(db, BATCH)) === BATCH);
        metrics.queue(await readQueueState(db))
      },
    },
    {
      name: 'webhook purge',
      intervalMs: PURGE_INTERVAL_MS,
      async run() {
        await purgeWebhooks(db)
        const resealed = await resealSecrets(db, box)
        if (resealed > 0) log.info({ resealed }, 'webhook secrets sealed with the present key')
      },
    },
  ]
}
