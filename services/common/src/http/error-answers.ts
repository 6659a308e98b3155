import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from '../process/logger.ts'
import { startSpan } from '../telemetry/tracing.ts'
import { discardBody } from './discard-body.ts'
import {
  defineError,
  errorBody,
  gaveWay,
  isUnavailable,
  ServiceError,
  serviceUnavailable,
} from './errors.ts'
import { fieldOf } from './validation.ts'

export const requestErrors = {
  invalidBody: defineError('request.invalid_body', 'The request body is not valid.', 400),
  invalidQuery: defineError('request.invalid_query', 'The query string is not valid.', 400),
  invalidPath: defineError('request.invalid_path', 'The path is not valid.', 400),
  invalidHeaders: defineError('request.invalid_headers', 'A header is not valid.', 400),
  invalidJson: defineError('request.invalid_json', 'The body is not valid JSON.', 400),
  bodyTooLarge: defineError('request.body_too_large', 'The body is too large.', 413),
  mediaType: defineError('request.unsupported_media_type', 'Send application/json.', 415),
  notFound: defineError('request.not_found', 'There is nothing at this address.', 404),
  invalid: defineError('request.invalid', 'The request is not valid.', 400),
  internal: defineError('internal_error', 'Something went wrong on our side.', 500),
}

const INVALID_JSON_CODES = new Set([
  'FST_ERR_CTP_EMPTY_JSON_BODY',
  'FST_ERR_CTP_INVALID_JSON_BODY',
  'FST_ERR_CTP_INVALID_CONTENT_LENGTH',
])

/** Turns whatever was thrown into a ServiceError; anything unknown becomes internal_error. */
function toServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  const { code, validation, validationContext, statusCode } = (error ?? {}) as Partial<FastifyError>
  // A caller who hangs up while sending looks like a lost database, apart from Fastify's status.
  const isOfCaller = statusCode !== undefined && statusCode >= 400 && statusCode < 500
  if (!isOfCaller && (isUnavailable(error) || gaveWay(error))) return serviceUnavailable()
  const first = validation?.[0]
  if (first !== undefined) {
    const details = { field: fieldOf(first), reason: first.message ?? 'is not valid' }
    if (validationContext === 'querystring') return requestErrors.invalidQuery(details)
    if (validationContext === 'params') return requestErrors.invalidPath(details)
    if (validationContext === 'headers') return requestErrors.invalidHeaders(details)
    return requestErrors.invalidBody(details)
  }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return requestErrors.bodyTooLarge()
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return requestErrors.mediaType()
  if (code !== undefined && INVALID_JSON_CODES.has(code)) {
    return requestErrors.invalidJson()
  }
  return isOfCaller ? requestErrors.invalid() : requestErrors.internal()
}

const CHALLENGE = 'Bearer realm="auction"'

/** Answers an error in the one shape there is; what is our fault is logged, a caller's is not. */
export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): FastifyReply {
  const answer = toServiceError(error)
  request.errorCode = answer.code
  const { traceId } = request.trace
  if (answer.code === 'internal_error') {
    log.error({ err: error, traceId, method: request.method, url: request.url }, 'request failed')
  } else if (answer.statusCode >= 500) {
    log.warn(
      { err: error, traceId, route: request.routeOptions.url },
      'request could not be served',
    )
  }
  discardBody(request, reply)
  // RFC 9110 wants a challenge with every 401, and RFC 6750 a parameter in it.
  if (answer.statusCode === 401) reply.header('www-authenticate', CHALLENGE)
  if (answer.retryAfterSeconds !== undefined) reply.header('retry-after', answer.retryAfterSeconds)
  return reply
    .code(answer.statusCode)
    .type('application/json; charset=utf-8')
    .send(errorBody(answer, traceId))
}

const BROKEN_REQUESTS: Record<string, [number, string, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request.timeout', 'The request took too long to arrive.'],
  HPE_HEADER_OVERFLOW: [431, 'request.headers_too_large', 'The headers are too large.'],
}

/** A request that never became one (slow, cut, malformed) is answered on the raw socket. */
export function answerBrokenRequest(
  error: Error & { code?: string },
  socket: { writable: boolean; end(data: string): void; destroy(): void },
): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, code, message] = BROKEN_REQUESTS[error.code ?? ''] ?? [
    400,
    'request.invalid',
    'The request is not valid HTTP.',
  ]
  const { traceId } = startSpan('broken request', { kind: 'server' })
  const body = JSON.stringify({ code, message, traceId })
  socket.end(
    `HTTP/1.1 ${status} Error\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
