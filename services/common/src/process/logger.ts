import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger }

/**
 * JSON lines on stdout with the service's name; secrets and tokens are redacted by path. A line is
 * written before the call returns: one left to a background thread comes after the last words of a
 * process that ends meanwhile.
 */
export function createLogger(
  service: string,
  level: string,
  destination: DestinationStream = pino.destination({ dest: 1, sync: true }),
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

/**
 * An error without what PostgreSQL prints of the row it concerns: `detail` and its like hold whole
 * rows, and with them a bidder's hidden maximum and a seller's reserve.
 */
function withoutRows(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { detail, where, internalQuery, hint, parameters, ...rest } = pino.stdSerializers.err(error)
  return rest
}
