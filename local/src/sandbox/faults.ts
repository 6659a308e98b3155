import type { Store } from './store.ts'

/**
 * What can go wrong between a client and the provider. `lose_answer` and `hang` do what was asked, and the
 * client does not learn it; `drop` and `error` do nothing, nor do `rate_limited` and
 * `forbidden`, the answer to a key that may not do this.
 */
export type FaultKind =
  | 'lose_answer'
  | 'hang'
  | 'late'
  | 'drop'
  | 'error'
  | 'rate_limited'
  | 'forbidden'

export interface Fault {
  kind: FaultKind
  /** A regular expression over `METHOD /path`; absent: every request of the API. */
  on?: string
  /** How often; absent: until faults are reset. */
  times?: number
  /** Of 1; absent: always. */
  probability?: number
}

export interface WebhookSettings {
  /** How often each event is delivered. */
  copies: number
  /** Milliseconds before a delivery: from nothing to this, at random, so that events overtake one another. */
  jitterMs: number
  /** Milliseconds by which every delivery is late. */
  delayMs: number
  /** Nothing is delivered until this is false again; then everything is. */
  isPaused: boolean
  /** Events are delivered before the request that caused them is answered. */
  overtakes: boolean
}

export const DEFAULT_WEBHOOKS: WebhookSettings = {
  copies: 1,
  jitterMs: 0,
  delayMs: 0,
  isPaused: false,
  overtakes: false,
}

export const readWebhookSettings = (store: Store): WebhookSettings => ({
  ...DEFAULT_WEBHOOKS,
  ...store.get<WebhookSettings>('settings', 'webhooks'),
})

export const readFaults = (store: Store): Fault[] => store.get<Fault[]>('settings', 'faults') ?? []

/** The fault of a request, if there is one; it is counted. */
export function takeFault(store: Store, method: string, path: string): FaultKind | undefined {
  const faults = readFaults(store)
  const fault = faults.find(
    ({ on, times, probability }) =>
      (on === undefined || new RegExp(on).test(`${method} ${path}`)) &&
      times !== 0 &&
      (probability === undefined || Math.random() < probability),
  )
  if (fault?.times !== undefined) {
    fault.times -= 1
    store.put('settings', 'faults', faults)
  }
  return fault?.kind
}
