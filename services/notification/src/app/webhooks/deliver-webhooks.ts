import { setTimeout as wait } from 'node:timers/promises'
import { isUnavailable } from '@auction/common/http/errors.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely } from 'kysely'
import { allot, SLOTS, SLOTS_OF_SLOW } from '#src/domain/webhook-slots.ts'
import { signatureHeaders } from '#src/infra/crypto/webhook-signature.ts'
import type { GuardedClient } from '#src/infra/http/guarded-client.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  type ClaimedEndpoint,
  type ClaimedMessage,
  claimMessages,
  lockDueEndpoints,
  spendRates,
} from '#src/infra/postgres/webhooks/delivery-queue.ts'
import { openSecrets } from './endpoint-secrets.ts'
import type { WebhookMetrics } from './metrics.ts'
import { recordOutcome } from './record-outcome.ts'

export interface DelivererDependencies {
  db: Kysely<Database>
  client: GuardedClient
  box: SecretBox
  log: Logger
  metrics: WebhookMetrics
}

export interface WebhookDeliverer {
  /**
   * Sends what is due and what becomes due meanwhile, until nothing is on its way. When the process stops it
   * begins nothing more and waits for what is on its way.
   */
  run(stopping?: AbortSignal): Promise<void>
}

interface Delivery {
  message: ClaimedMessage
  endpoint: ClaimedEndpoint
}

const USER_AGENT = 'auction-webhooks/1'
const CLAIM_INTERVAL_MS = 500

/**
 * Sends webhook messages: at least once, in no promised order (R-HOOK-2, R-HOOK-4). Every endpoint has its own
 * rate and few connections at once; those that fail or are slow share a part of all connections, so that the
 * others never wait for them.
 */
export function createWebhookDeliverer({
  db,
  client,
  box,
  log,
  metrics,
}: DelivererDependencies): WebhookDeliverer {
  const underWay = new Map<Promise<void>, { isSlow: boolean }>()

  const deliver = async ({ message, endpoint }: Delivery) => {
    const startedAt = new Date()
    const { id, payload } = message
    const secrets = openSecrets(box, endpoint)
    const headers = {
      ...signatureHeaders({ id, instant: startedAt, payload }, secrets),
      'content-type': 'application/json',
      'user-agent': USER_AGENT,
    }
    const outcome = await client.post({ url: endpoint.url, headers, body: payload })
    metrics.attempted(outcome, endpoint.userId)
    await recordOutcome(db, { message, endpointId: endpoint.id, startedAt, outcome })
  }

  const begin = (delivery: Delivery) => {
    const { id, endpointId } = delivery.message
    const sending = deliver(delivery)
      // It stays claimed, and is sent again when its claim is too old.
      .catch((error: unknown) => {
        const level = isUnavailable(error) ? 'warn' : 'error'
        log[level]({ err: error, messageId: id, endpointId }, 'webhook outcome not recorded')
      })
      .finally(() => underWay.delete(sending))
    underWay.set(sending, { isSlow: delivery.endpoint.isSlow })
  }

  const beginDue = async () => {
    for (;;) {
      const slow = [...underWay.values()].filter(({ isSlow }) => isSlow).length
      const claimed = await claimDue(db, { slow, all: underWay.size })
      if (claimed.length === 0) return
      for (const delivery of claimed) begin(delivery)
    }
  }

  return {
    async run(stopping) {
      try {
        while (stopping?.aborted !== true) {
          await beginDue()
          if (underWay.size === 0) return
          // One that takes long does not keep the others waiting.
          const isOver = new AbortController()
          const signal = AbortSignal.any([
            isOver.signal,
            ...(stopping === undefined ? [] : [stopping]),
          ])
          const pause = wait(CLAIM_INTERVAL_MS, undefined, { signal }).catch(() => undefined)
          await Promise.race([...underWay.keys(), pause])
          isOver.abort()
        }
      } finally {
        await Promise.all(underWay.keys())
      }
    },
  }
}

/** Claims messages in a transaction of its own, which is committed before anything is sent. */
async function claimDue(
  db: Kysely<Database>,
  busy: { slow: number; all: number },
): Promise<Delivery[]> {
  const limit = SLOTS - busy.all
  if (limit <= 0) return []
  return db.transaction().execute(async (tx) => {
    const candidates = await lockDueEndpoints(tx, { limit, withSlow: busy.slow < SLOTS_OF_SLOW })
    const allotments = allot(candidates, busy)
    if (allotments.length === 0) return []
    const messages = await claimMessages(tx, allotments)
    const counts = Map.groupBy(messages, ({ endpointId }) => endpointId)
    const spent = [...counts].map(([endpointId, { length }]) => ({ endpointId, count: length }))
    const endpoints = new Map(
      (await spendRates(tx, spent)).map((endpoint) => [endpoint.id, endpoint]),
    )
    return messages.flatMap((message) => {
      const endpoint = endpoints.get(message.endpointId)
      return endpoint === undefined ? [] : [{ message, endpoint }]
    })
  })
}
