import type { ConfirmChannel, Options } from 'amqplib'
import type { BrokerConnection } from './connection.ts'

export interface OutgoingMessage {
  exchange: string
  routingKey: string
  content: Buffer
  options: Options.Publish & { messageId: string }
}

/**
 * `confirmed`: on disk at the broker. `returned`: no queue took it. `unknown`: no word came, the
 * message may be there or not; the same message id is published again and consumers see it once.
 */
export type PublishOutcome = 'confirmed' | 'returned' | 'unknown'

export interface Publisher {
  isReady(): boolean
  publish(message: OutgoingMessage): Promise<PublishOutcome>
  close(): Promise<void>
}

const CONFIRM_TIMEOUT_MS = 10_000

interface InFlight {
  settle: (outcome: PublishOutcome) => void
  sentAtMs: number
}

/**
 * Publishes on a raw confirm channel. Nothing is buffered: without a channel the outcome is
 * `unknown` at once. A confirm that does not come in ten seconds closes the channel, after which
 * everything in flight is unknown.
 */
export function createPublisher(
  connection: BrokerConnection,
  name: string,
  confirmTimeoutMs = CONFIRM_TIMEOUT_MS,
): Publisher {
  let channel: ConfirmChannel | undefined
  const inFlight = new Set<InFlight>()
  const returned = new Set<string>()

  const forget = (lost: ConfirmChannel) => {
    if (channel !== lost) return
    channel = undefined
    for (const { settle } of inFlight) settle('unknown')
    inFlight.clear()
    returned.clear()
  }
  const handle = connection.openChannel(name, async (opened) => {
    opened.once('close', () => forget(opened))
    opened.on('return', (message: { properties: { messageId?: unknown } }) => {
      if (typeof message.properties.messageId === 'string')
        returned.add(message.properties.messageId)
    })
    channel = opened
  })
  const watchdog = setInterval(() => {
    const oldest = inFlight.values().next().value
    if (oldest === undefined || performance.now() - oldest.sentAtMs < confirmTimeoutMs) return
    const stuck = channel
    if (stuck === undefined) return
    forget(stuck)
    stuck.close().catch(() => undefined)
  }, confirmTimeoutMs / 10)
  watchdog.unref()

  return {
    isReady: () => channel !== undefined && !connection.isBlocked(),
    publish({ exchange, routingKey, content, options }) {
      const current = channel
      if (current === undefined) return Promise.resolve('unknown')
      const id = options.messageId
      return new Promise((resolve) => {
        const entry: InFlight = {
          sentAtMs: performance.now(),
          settle(outcome) {
            inFlight.delete(entry)
            resolve(outcome)
          },
        }
        const { settle } = entry
        inFlight.add(entry)
        try {
          current.publish(exchange, routingKey, content, options, (error: unknown) => {
            // The broker sends the return before the confirm.
            if (returned.delete(id)) settle('returned')
            else settle(error === null || error === undefined ? 'confirmed' : 'unknown')
          })
        } catch {
          // The channel closed between our look and our publish.
          settle('unknown')
        }
      })
    },
    async close() {
      clearInterval(watchdog)
      await handle.close()
    },
  }
}
