/** An answer with a stable code. Thrown from app/, turned into the error body by the server. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: string
  readonly statusCode: number
  readonly details: Record<string, unknown> | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: string,
    message: string,
    statusCode: number,
    details?: Record<string, unknown>,
    retryAfterSeconds?: number,
  ) {
    super(message)
    this.code = code
    this.statusCode = statusCode
    this.details = details
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export type ErrorFactory = (details?: Record<string, unknown>) => ServiceError

export interface ErrorOptions {
  retryAfterSeconds?: number
  /** Up to so many seconds are added by chance, so that callers do not all come back at once. */
  retryAfterSpreadSeconds?: number
}

/** One row of a service's error table: stable dotted code, message for people, HTTP status. */
export function defineError(
  code: string,
  message: string,
  statusCode: number,
  { retryAfterSeconds, retryAfterSpreadSeconds = 0 }: ErrorOptions = {},
): ErrorFactory {
  return (details) => {
    const retryAfter =
      retryAfterSeconds === undefined
        ? undefined
        : retryAfterSeconds + Math.floor(Math.random() * (retryAfterSpreadSeconds + 1))
    return new ServiceError(code, message, statusCode, details, retryAfter)
  }
}

export const serviceUnavailable = defineError(
  'service.unavailable',
  'The service cannot answer just now. Try again shortly.',
  503,
  // Callers that a pause has turned away together must not all come back together.
  { retryAfterSeconds: 1, retryAfterSpreadSeconds: 2 },
)

/** The answer to a request: exactly what every error looks like on the wire. */
export interface ErrorBody {
  code: string
  message: string
  details?: Record<string, unknown>
  traceId: string
}

export function errorBody(error: ServiceError, traceId: string): ErrorBody {
  return error.details === undefined
    ? { code: error.code, message: error.message, traceId }
    : { code: error.code, message: error.message, details: error.details, traceId }
}

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENOTFOUND',
  'EHOSTUNREACH',
])

// Class 08 = connection exception, 57P0x = shutting down or starting up, 53 = too many connections,
// disk full or out of memory, 58 = the system below it failed, 25P03 = idle in a transaction, 25006 = read only after a failover.
const POSTGRES_UNAVAILABLE = /^(08...|57P0[123]|53[0-9A-Z]{3}|58[0-9A-Z]{3}|25006|25P03)$/

// node-postgres throws these without any code.
const POSTGRES_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|Cannot use a pool after calling end)/

/** True when the database, not the request, is the reason: the caller may try again. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (NETWORK_CODES.has(code) || POSTGRES_UNAVAILABLE.test(code)) return true
  if (POSTGRES_MESSAGES.test(error.message)) return true
  return error instanceof AggregateError && error.errors.some(isUnavailable)
}

/** SQLSTATEs that are no fault of the statement. */
export const SQL_STATES = {
  serializationFailure: '40001',
  deadlock: '40P01',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
} as const

const POSTGRES_TRANSIENT: ReadonlySet<string> = new Set(Object.values(SQL_STATES))

/** A migration changed a type that a plan prepared on this connection returns (0A000). */
export function isStalePlan(error: unknown): boolean {
  return sqlState(error) === '0A000'
}

/** True when the same work may well succeed a moment later: another transaction was in the way. */
export function isTransient(error: unknown): boolean {
  return POSTGRES_TRANSIENT.has(sqlState(error) ?? '')
}

/** True when a transaction gave way to another one. Not a statement that took too long: it may do so each time. */
export function gaveWay(error: unknown): boolean {
  return isTransient(error) && sqlState(error) !== SQL_STATES.queryCanceled
}

/** The SQLSTATE of a PostgreSQL error, or undefined. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}
