import { createInternalClient } from '@auction/common/http/internal-client.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import type { WorkerParts } from '@auction/common/process/run-worker.ts'
import { createSecretBox } from '@auction/common/secret-box.ts'
import { outgoingRules, vapidKeys, type WorkerConfig, webhookBox } from '#src/config.ts'
import { createGuardedClient } from '#src/infra/http/guarded-client.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { createConsumers } from './consumers.ts'
import { createItemSource } from './items/item-source.ts'
import { createContactSource } from './mail/contact-source.ts'
import { createMailSending } from './mail/mail-parts.ts'
import { createNoticeMetrics } from './notices/metrics.ts'
import { createPushTimers } from './push/send-pushes.ts'
import { createSendingMetrics } from './sending-metrics.ts'
import { createTimers } from './timers.ts'
import { createWebhookMetrics } from './webhooks/metrics.ts'
import { createWebhookTimers } from './webhooks/webhook-timers.ts'

/** The consumers and timers of the notification worker, from its settings. */
export function buildWorker(
  config: WorkerConfig,
  { db, log, registry, lifecycle }: DatabaseContext<Database>,
): WorkerParts<Database> {
  const clientOf = (target: string, baseUrl: string) =>
    createInternalClient({
      service: SERVICE.name,
      target,
      baseUrl,
      secret: config.INTERNAL_JWT_SECRET,
    })
  const seal = createSecretBox(config.MAIL_SEAL_KEY, '', 'MAIL_SEAL_KEY')
  const sending = createSendingMetrics(registry)
  const mail = createMailSending(config, {
    db,
    seal,
    contactsOf: createContactSource(clientOf('identity', config.IDENTITY_URL)),
    metrics: sending,
    log,
  })
  lifecycle.onStop('mail', () => mail.close())
  const timers = createTimers({
    db,
    itemsOf: createItemSource(clientOf('auction', config.AUCTION_URL)),
    metrics: createNoticeMetrics(registry),
    noticeRetentionDays: config.NOTICE_RETENTION_DAYS,
  })
  const client = createGuardedClient(outgoingRules(config))
  const pushTimers = createPushTimers({
    db,
    client,
    vapid: vapidKeys(config),
    metrics: sending,
    log,
  })
  const webhookTimers = createWebhookTimers({
    db,
    client,
    box: webhookBox(config),
    log,
    metrics: createWebhookMetrics(registry),
  })
  return {
    consumers: createConsumers({ seal }),
    timers: [...timers, ...mail.timers, ...pushTimers, ...webhookTimers],
  }
}
