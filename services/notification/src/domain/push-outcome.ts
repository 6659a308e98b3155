import { readRetryAfter } from './webhook-schedule.ts'

/** What a push service made of a message to one browser. */
export type PushOutcome =
  | { readonly kind: 'sent' }
  /** The browser has left: its subscription is deleted. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'postponed'; readonly retryInSeconds: number | undefined }
  | { readonly kind: 'failed'; readonly reason: string }
  /** It may have arrived. */
  | { readonly kind: 'unknown' }

/** How a delivery ends that went to all browsers of its user. */
export type DeliveryEnd =
  | { readonly state: 'sent' | 'unknown' }
  | { readonly state: 'dropped' | 'failed'; readonly reason: string }
  | { readonly state: 'queued'; readonly retryInSeconds: number }

/** An answer of a push service (RFC 8030). */
export function outcomeOfStatus(
  status: number,
  retryAfter: string | undefined,
  now: Date,
): PushOutcome {
  if (status >= 200 && status <= 299) return { kind: 'sent' }
  if (status === 404 || status === 410) return { kind: 'gone' }
  if (status === 429 || status >= 500) {
    return { kind: 'postponed', retryInSeconds: readRetryAfter(retryAfter, now) }
  }
  return { kind: 'failed', reason: `status_${status}` }
}

/** No answer came, for a reason of the guarded client. */
export function outcomeOfFailure(code: string): PushOutcome {
  if (code === 'timeout' || code === 'connection_lost' || code === 'answer_invalid') {
    return { kind: 'unknown' }
  }
  if (code === 'name_unresolved' || code === 'connection_failed') {
    return { kind: 'postponed', retryInSeconds: undefined }
  }
  return { kind: 'failed', reason: code }
}

export const PUSH_TRIES_MAX = 5
const FIRST_SECONDS = 30
const RETRY_SECONDS_MAX = 3_600

/**
 * One browser that has the message is enough: to send again would show it twice there. What may have arrived
 * is not sent again either.
 */
export function endOf(outcomes: readonly PushOutcome[], tries: number): DeliveryEnd {
  const has = (kind: PushOutcome['kind']) => outcomes.some((outcome) => outcome.kind === kind)
  if (has('sent')) return { state: 'sent' }
  if (has('unknown')) return { state: 'unknown' }
  const postponed = outcomes.flatMap((outcome) => (outcome.kind === 'postponed' ? [outcome] : []))
  if (postponed.length > 0) {
    if (tries >= PUSH_TRIES_MAX) return { state: 'failed', reason: 'postponed_too_often' }
    const asked = Math.max(0, ...postponed.map(({ retryInSeconds }) => retryInSeconds ?? 0))
    const planned = FIRST_SECONDS * 4 ** (tries - 1)
    return {
      state: 'queued',
      retryInSeconds: Math.min(Math.max(asked, planned), RETRY_SECONDS_MAX),
    }
  }
  const failed = outcomes.find((outcome) => outcome.kind === 'failed')
  if (failed?.kind === 'failed') return { state: 'failed', reason: failed.reason }
  return { state: 'dropped', reason: 'no_subscription' }
}
