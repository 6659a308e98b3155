import { EventEmitter, once } from 'node:events'
import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger }

/** JSON lines on stdout with the service's name; secrets and tokens are redacted by path. */
export function createLogger(
  service: string,
  level: string,
  destination: DestinationStream = pino.destination(1),
): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: withoutRows },
    redact: {
      paths: [
        'password',
        'token',
        'authorization',
        '*.password',
        '*.token',
        '*.authorization',
        'headers.authorization',
        'headers.cookie',
      ],
      censor: '[redacted]',
    },
  }
  return pino(options, destination)
}

const END_TIMEOUT_MS = 1_000

/**
 * Ends a log before the process ends itself. Lines are written in the background, so the last ones
 * would else come out of order; a reader that is gone is not waited for.
 */
export async function endLog(log: Logger): Promise<void> {
  const stream: unknown = Reflect.get(log, pino.symbols.streamSym)
  if (!(stream instanceof EventEmitter) || !('end' in stream)) return
  if (typeof stream.end !== 'function') return
  const closed = once(stream, 'close', { signal: AbortSignal.timeout(END_TIMEOUT_MS) })
  stream.end()
  await closed.catch(() => undefined)
}

/**
 * An error without what PostgreSQL tells of the row it concerns: `detail` and its like print whole
 * rows, and with them a bidder's hidden maximum and a seller's reserve.
 */
function withoutRows(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { detail, where, internalQuery, hint, parameters, ...rest } = pino.stdSerializers.err(error)
  return rest
}
