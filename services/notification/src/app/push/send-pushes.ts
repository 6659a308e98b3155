import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { Timer } from '@auction/common/process/repeat.ts'
import type { Kysely } from 'kysely'
import { type DueTruth, readDueTruth } from '#src/app/notices/read-due-truth.ts'
import type { SendingMetrics } from '#src/app/sending-metrics.ts'
import { kindOf } from '#src/domain/notices.ts'
import { pushPayload, secondsToLive, topicOf } from '#src/domain/push-message.ts'
import {
  type DeliveryEnd,
  endOf,
  outcomeOfFailure,
  outcomeOfStatus,
  type PushOutcome,
} from '#src/domain/push-outcome.ts'
import type { GuardedClient } from '#src/infra/http/guarded-client.ts'
import {
  abandonPushes,
  endPush,
  lockDuePushes,
  readPushLag,
  startPushes,
} from '#src/infra/postgres/push/push-deliveries.ts'
import {
  deleteGone,
  readSubscriptions,
  recordReached,
  type Subscription,
} from '#src/infra/postgres/push/subscriptions.ts'
import { readReader } from '#src/infra/postgres/readers/readers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { pushRequest, type VapidKeys } from '#src/infra/push/push-request.ts'

export interface PushDependencies {
  db: Kysely<Database>
  client: GuardedClient
  /** Undefined: push is off, and what is due is dropped. */
  vapid: VapidKeys | undefined
  metrics: SendingMetrics
  log: Logger
}

const BATCH = 50
const SEND_INTERVAL_MS = 500
const UPKEEP_INTERVAL_MS = 10_000
// Longer than an attempt can take.
const LEASE_SECONDS = 60

interface ClaimedPush extends DueTruth {
  readonly tries: number
}

/** Sends what is due to the browsers of its users, a batch at a time; returns how many deliveries ended. */
export async function sendPushes(deps: PushDependencies, stopping?: AbortSignal): Promise<number> {
  let total = 0
  while (stopping?.aborted !== true) {
    const { claimed, taken } = await claimPushes(deps)
    await Promise.all(claimed.map((push) => sendPush(deps, push)))
    total += taken
    if (taken < BATCH) break
  }
  return total
}

async function claimPushes({ db, metrics }: PushDependencies) {
  const { due, tries } = await db.transaction().execute(async (tx) => {
    const found = await readDueTruth(tx, await lockDuePushes(tx, BATCH))
    return {
      due: found,
      tries: await startPushes(
        tx,
        found.map(({ id }) => id),
      ),
    }
  })
  const untrue = due.filter(({ reason }) => reason !== undefined)
  for (const { id, reason = '' } of untrue) {
    await endPush(db, id, { state: 'dropped', reason })
    metrics.ended('push', 'dropped')
  }
  const claimed = due
    .filter(({ reason }) => reason === undefined)
    .map((push): ClaimedPush => ({ ...push, tries: tries.get(push.id) ?? 1 }))
  return { claimed, taken: due.length }
}

async function sendPush(deps: PushDependencies, push: ClaimedPush): Promise<void> {
  const { db, vapid, metrics, log } = deps
  try {
    const subscriptions = vapid === undefined ? [] : await readSubscriptions(db, push.userId)
    const payload = pushPayload(push, await readReader(db, push.userId))
    const now = await readClock(db)
    const outcomes = await Promise.all(
      subscriptions.map((one) => sendToBrowser(deps, push, one, payload, now)),
    )
    await recordReached(
      db,
      subscriptions.filter((_, index) => outcomes[index]?.kind === 'sent').map(({ id }) => id),
    )
    const end = endOf(outcomes, push.tries)
    await endPush(db, push.id, end)
    metrics.ended('push', nameOf(end))
  } catch (err) {
    // It stays as being sent, and is of unknown outcome when its lease is over.
    log.error({ err, deliveryId: push.id }, 'a push message could not be sent')
  }
}

const nameOf = ({ state }: DeliveryEnd) => (state === 'queued' ? 'postponed' : state)

async function sendToBrowser(
  { db, client, vapid, log }: PushDependencies,
  push: ClaimedPush,
  subscription: Subscription,
  payload: string,
  now: Date,
): Promise<PushOutcome> {
  if (vapid === undefined) return { kind: 'gone' }
  const options = {
    topic: topicOf(push.aggregateId),
    seconds: secondsToLive(push, now),
    isUrgent: kindOf(push.template).category === 'bidding',
  }
  const answer = await client.post(pushRequest(subscription, payload, options, vapid))
  if (answer.kind === 'failed') return outcomeOfFailure(answer.code)
  const outcome = outcomeOfStatus(answer.status, answer.retryAfter, now)
  if (outcome.kind === 'gone') await deleteGone(db, subscription)
  // Too large, or signed wrongly: a mistake of ours.
  if (outcome.kind === 'failed') log.error({ status: answer.status }, 'a push message was refused')
  return outcome
}

/** What the worker repeats for push. */
export function createPushTimers(deps: PushDependencies): Timer[] {
  const { db, metrics, log } = deps
  return [
    {
      name: 'push',
      intervalMs: SEND_INTERVAL_MS,
      run: (stopping) => sendPushes(deps, stopping),
    },
    {
      name: 'push upkeep',
      intervalMs: UPKEEP_INTERVAL_MS,
      async run() {
        const abandoned = await abandonPushes(db, LEASE_SECONDS)
        if (abandoned > 0) log.warn({ abandoned }, 'push messages of unknown outcome')
        metrics.lag('push', await readPushLag(db))
      },
    },
  ]
}
