import { createHmac } from 'node:crypto'
import { newId } from './checks.ts'
import { readWebhookSettings } from './faults.ts'
import type { SandboxEvent } from './objects.ts'
import type { Store } from './store.ts'

/** A delivery that was not answered by a success yet. */
interface Delivery {
  id: string
  event: string
  /** Milliseconds of this machine's clock. */
  dueAtMs: number
  tries: number
}

export interface WebhookTarget {
  url: string
  secret: string
}

const TIMEOUT_MS = 10_000
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 60_000
const TRIES_MAX = 200
const CONCURRENT_MAX = 20

/** The header by which a receiver knows who sent a webhook, as Stripe writes it. */
export function signatureOf(payload: string, secret: string, atS: number): string {
  const digest = createHmac('sha256', secret).update(`${atS}.${payload}`).digest('hex')
  return `t=${atS},v1=${digest}`
}

/** Sends events until each was taken. What waits survives a restart. */
export class Webhooks {
  readonly #store: Store
  #target: WebhookTarget | undefined
  readonly #running = new Map<string, Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(store: Store, target: WebhookTarget | undefined) {
    this.#store = store
    this.#target = target
  }

  /** Names the receiver, when it is known only after the start. */
  sendTo(target: WebhookTarget): void {
    this.#target = target
    this.wake()
  }

  enqueue(event: SandboxEvent): void {
    if (this.#target === undefined) return
    const { copies, jitterMs, delayMs } = readWebhookSettings(this.#store)
    for (let copy = 0; copy < copies; copy += 1) {
      const dueAtMs = Date.now() + delayMs + Math.floor(Math.random() * (jitterMs + 1))
      const delivery: Delivery = { id: newId('wh_'), event: event.id, dueAtMs, tries: 0 }
      this.#store.put('deliveries', delivery.id, delivery)
    }
    this.wake()
  }

  /** Sends what is due, and comes again for the rest. */
  wake(): void {
    if (this.#isClosed || readWebhookSettings(this.#store).isPaused) return
    const nowMs = Date.now()
    const waiting = this.#store
      .all<Delivery>('deliveries')
      .filter(({ id }) => !this.#running.has(id))
      .sort((left, right) => left.dueAtMs - right.dueAtMs)
    for (const delivery of waiting) {
      if (delivery.dueAtMs > nowMs || this.#running.size >= CONCURRENT_MAX) break
      const run = this.#deliver(delivery).finally(() => {
        this.#running.delete(delivery.id)
        this.wake()
      })
      this.#running.set(delivery.id, run)
    }
    const next = waiting.find(({ id }) => !this.#running.has(id))
    clearTimeout(this.#timer)
    if (next !== undefined && this.#running.size < CONCURRENT_MAX) {
      this.#timer = setTimeout(() => this.wake(), Math.max(next.dueAtMs - nowMs, 1))
    }
  }

  /** Resolves when what is due now was tried once. */
  async tried(): Promise<void> {
    this.wake()
    await Promise.all(this.#running.values())
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const event = this.#store.get<SandboxEvent>('events', delivery.event)
    if (event === undefined || this.#target === undefined || (await this.#isTaken(event))) {
      this.#store.delete('deliveries', delivery.id)
      return
    }
    const tries = delivery.tries + 1
    if (tries >= TRIES_MAX) {
      this.#store.delete('deliveries', delivery.id)
      return
    }
    const pauseMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(tries, 10), LAST_RETRY_MS)
    this.#store.put('deliveries', delivery.id, {
      ...delivery,
      tries,
      dueAtMs: Date.now() + pauseMs,
    })
  }

  async #isTaken(event: SandboxEvent): Promise<boolean> {
    const { url, secret } = this.#target ?? { url: '', secret: '' }
    const payload = JSON.stringify(event)
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          // Of this machine's clock: receivers refuse what is older than some minutes.
          'stripe-signature': signatureOf(payload, secret, Math.floor(Date.now() / 1_000)),
        },
        body: payload,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      await response.body?.cancel()
      return response.ok
    } catch {
      return false
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await Promise.all(this.#running.values())
  }
}
