import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '@auction/common/process/logger.ts'
import type { BrokerConnection } from '@auction/common/rabbitmq/connection.ts'
import type { ConfirmChannel, ConsumeMessage } from 'amqplib'

export interface StreamReaderOptions {
  connection: BrokerConnection
  /** Name of a stream that exists (topology.ts). */
  stream: string
  log: Logger
  /** Where the first reading begins, epoch milliseconds; whole chunks are read, so a little earlier. */
  fromMs: number
  /** Called once for each message, in the order of their offsets, also over lost connections. */
  onMessage(offset: number, message: ConsumeMessage): void
  /** Messages before this offset were missed: they were deleted meanwhile, or the stream is another. */
  onGap(offset: number): void
  /** After so long without a message everything that was there has been read. */
  quietMs?: number
}

export interface StreamReader {
  /** False while the broker is away, and until it is certain that nothing was missed meanwhile. */
  isReading(): boolean
  /** Resolves when what was there at the start has been read, or after that time. */
  untilCaughtUp(maxMs: number): Promise<void>
  close(): Promise<void>
}

const PREFETCH = 500
const QUIET_MS = 250
const LOOK_MS = 25

/**
 * Reads a stream for as long as the process runs. Every process reads everything for itself. After a
 * lost connection it begins with the last message it has read: when that one comes first, nothing is
 * missing.
 */
export function startStreamReader(options: StreamReaderOptions): StreamReader {
  const { connection, stream, log, fromMs, quietMs = QUIET_MS } = options
  let current: ConfirmChannel | undefined
  let last: { offset: number; content: Buffer } | undefined
  let isProven = false
  let receivedAtMs = 0
  let madeAtMs = 0
  const startedAtMs = Date.now()

  const receive = (offset: number, message: ConsumeMessage) => {
    receivedAtMs = performance.now()
    if (!isProven) {
      isProven = true
      // A stream that was made again has the same places for other messages.
      if (last !== undefined && (offset !== last.offset || !message.content.equals(last.content))) {
        log.warn({ stream, expected: last.offset, offset }, 'events of a stream were missed')
        last = undefined
        options.onGap(offset)
      }
    }
    // Chunks are sent whole, so the first one may begin before the place that was asked for.
    if (last !== undefined && offset <= last.offset) return
    last = { offset, content: message.content }
    madeAtMs = (message.properties.timestamp ?? 0) * 1_000
    options.onMessage(offset, message)
  }
  const handle = connection.openChannel(stream, async (channel) => {
    current = channel
    isProven = last === undefined
    channel.once('close', () => {
      if (current === channel) current = undefined
    })
    const acknowledge = acknowledger(channel)
    await channel.prefetch(PREFETCH)
    await channel.consume(
      stream,
      (message) => {
        if (message === null) {
          log.warn({ stream }, 'the broker ended the reading of a stream')
          channel.close().catch(() => undefined)
          return
        }
        if (current !== channel) return
        const offset: unknown = message.properties.headers?.['x-stream-offset']
        if (typeof offset === 'number') receive(offset, message)
        acknowledge(message)
      },
      {
        arguments: {
          // The broker ends the connection over a Date: it takes seconds.
          'x-stream-offset': last?.offset ?? {
            '!': 'timestamp',
            value: Math.floor(fromMs / 1_000),
          },
        },
      },
    )
    receivedAtMs = performance.now()
  })
  const isReading = () => current !== undefined && receivedAtMs > 0 && isProven
  return {
    isReading,
    async untilCaughtUp(maxMs) {
      const endMs = performance.now() + maxMs
      while (performance.now() < endMs) {
        const isNow = madeAtMs >= startedAtMs || performance.now() - receivedAtMs >= quietMs
        if (isReading() && isNow) return
        await wait(LOOK_MS)
      }
    },
    close: () => handle.close(),
  }
}

/** Everything that arrived together is acknowledged together. To a stream that only means: send more. */
function acknowledger(channel: ConfirmChannel): (message: ConsumeMessage) => void {
  let newest: ConsumeMessage | undefined
  return (message) => {
    if (newest === undefined) {
      setImmediate(() => {
        const upTo = newest
        newest = undefined
        try {
          if (upTo !== undefined) channel.ack(upTo, true)
        } catch {
          // The channel closed between the message and now.
        }
      })
    }
    newest = message
  }
}
