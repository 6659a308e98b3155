import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import type { WorkerParts } from '@auction/common/process/run-worker.ts'
import { createSecretBox } from '@auction/common/secret-box.ts'
import { createObligationCheck } from '#src/app/leaving/obligations.ts'
import { createMails } from '#src/app/mails/mails.ts'
import { createWorkerMetrics } from '#src/app/metrics/worker-metrics.ts'
import { onStrikeRecorded, onStrikeRedeemed } from '#src/app/strikes/strike-events.ts'
import type { WorkerConfig } from '#src/config.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createTimers } from './timers.ts'

/** The consumers and timers of the identity worker, from its settings. */
export function buildWorker(
  config: WorkerConfig,
  { db, log, registry }: DatabaseContext<Database>,
): WorkerParts<Database> {
  const mails = createMails(config.PUBLIC_URL, createSecretBox(config.MAIL_SEAL_KEY))
  return {
    consumers: [onStrikeRecorded({ mails, log }), onStrikeRedeemed({ mails, log })],
    timers: createTimers({
      db,
      log,
      box: createSecretBox(config.KEY_ENCRYPTION_KEY, config.KEY_ENCRYPTION_KEY_OTHER),
      mails,
      obligationsOf: createObligationCheck(config),
      metrics: createWorkerMetrics(registry),
      keyRotationDays: config.KEY_ROTATION_DAYS,
    }),
  }
}
