import type { Kysely } from 'kysely'
import { recordNotices } from '#src/app/notices/record-notices.ts'
import type { NewNotice } from '#src/domain/notices.ts'
import { type FailureVerdict, judgeFailure, SLOW_AFTER_MS } from '#src/domain/webhook-health.ts'
import { readRetryAfter, retryDelaySeconds } from '#src/domain/webhook-schedule.ts'
import type { OutgoingOutcome } from '#src/infra/http/guarded-client.ts'
import { shareDepartures } from '#src/infra/postgres/departures/departed-users.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  type ClaimedMessage,
  insertAttempt,
  type LockedEndpoint,
  lockEndpoint,
  recordFailure,
  recordSuccess,
  settleMessage,
} from '#src/infra/postgres/webhooks/delivery-queue.ts'

export interface AttemptOutcome {
  message: ClaimedMessage
  endpointId: string
  startedAt: Date
  outcome: OutgoingOutcome
}

const GONE = 410

/** Only these say that the endpoint has the message. */
export const isSuccess = (outcome: OutgoingOutcome) =>
  outcome.kind === 'answered' && outcome.status >= 200 && outcome.status <= 299

/** Adds an attempt to the log and does what follows from it, in one transaction. */
export async function recordOutcome(
  db: Kysely<Database>,
  { message, endpointId, startedAt, outcome }: AttemptOutcome,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    // A deletion of accounts waits for all that write for users, and must not hold the endpoint then.
    await shareDepartures(tx)
    // First the endpoint, in the order in which messages are claimed.
    const endpoint = await lockEndpoint(tx, endpointId)
    if (endpoint === undefined) return
    await insertAttempt(tx, {
      messageId: message.id,
      attempt: message.attempt,
      startedAt,
      milliseconds: outcome.milliseconds,
      status: outcome.kind === 'answered' ? outcome.status : null,
      error: outcome.kind === 'failed' ? outcome.code : null,
      answer: outcome.kind === 'answered' ? readableAnswer(outcome.body) : null,
    })
    if (isSuccess(outcome)) {
      await settleMessage(tx, message, 'delivered')
      await recordSuccess(tx, endpointId, outcome.milliseconds > SLOW_AFTER_MS)
      return
    }
    const isGone = outcome.kind === 'answered' && outcome.status === GONE
    const verdict = judgeFailure(endpoint, { now: endpoint.now, isGone })
    const isActive = endpoint.state === 'active' || endpoint.state === 'paused'
    const isEnding = !isActive || verdict.disabledReason !== undefined
    const delay = isEnding ? undefined : delayAfter(message, outcome, endpoint.now)
    await settleMessage(tx, message, delay === undefined ? 'failed' : { retryInSeconds: delay })
    if (!isActive) return
    await recordFailure(tx, endpointId, verdict)
    await recordNotices(tx, noticesOf(endpointId, endpoint, verdict))
  })
}

function delayAfter(
  { tries }: ClaimedMessage,
  outcome: OutgoingOutcome,
  now: Date,
): number | undefined {
  const header = outcome.kind === 'answered' ? outcome.retryAfter : undefined
  return retryDelaySeconds(tries, readRetryAfter(header, now), Math.random())
}

/** What the owner is notified of, once for each time that the endpoint begins to fail. */
function noticesOf(
  endpointId: string,
  { userId, url, now }: LockedEndpoint,
  { firstFailureAt, isWarning, disabledReason }: FailureVerdict,
): NewNotice[] {
  const sequence = Math.floor((firstFailureAt ?? now).getTime() / 1_000)
  const about = { userId, aggregateId: endpointId, sequence }
  const endpointHost = URL.parse(url)?.host ?? ''
  if (disabledReason !== undefined) {
    return [
      { ...about, template: 'webhook_disabled', data: { endpointHost, reason: disabledReason } },
    ]
  }
  return isWarning ? [{ ...about, template: 'webhook_failing', data: { endpointHost } }] : []
}

/** PostgreSQL takes no NUL, and people read text. */
const readableAnswer = (body: Buffer) => body.toString('utf8').replaceAll('\0', '\ufffd')
