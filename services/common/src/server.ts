import type { Server } from 'node:http'
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
} from 'fastify'
import type { Registry } from 'prom-client'
import { type AuthOptions, authPlugin } from './auth.ts'
import {
  defineError,
  errorBody,
  isUnavailable,
  ServiceError,
  serviceUnavailable,
} from './errors.ts'
import type { Logger } from './logger.ts'
import { createRequestObserver } from './metrics.ts'
import { acceptCorrelationId, type Span, startSpan, type Trace } from './tracing.ts'
import { createValidatorCompiler, fieldOf } from './validation.ts'

declare module 'fastify' {
  interface FastifyRequest {
    trace: Trace
    span: Span | null
    /** Monotonic milliseconds (performance.now) when this process received the request. */
    receivedAtMs: number
  }
}

export type App = FastifyInstance<
  Server,
  RawRequestDefaultExpression<Server>,
  RawReplyDefaultExpression<Server>,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

export interface ServerOptions {
  service: string
  log: Logger
  registry: Registry
  /** Absent only for a service that never asks who is calling. */
  auth?: Omit<AuthOptions, 'service'>
  /** Where openapi.json and the browsable page live, e.g. `/identity`; absent = none. */
  docs?: { prefix: string; title: string; description: string }
  bodyLimitBytes?: number
  requestTimeoutMs?: number
}

const SLOW_REQUEST_MS = 1_000

const requestErrors = {
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

/**
 * The HTTP server every service starts from: limits written down, strict validation, one error
 * body, trace and correlation ids, metrics, OpenAPI. A route without `config.auth` stops the boot.
 */
export async function buildServer(options: ServerOptions): Promise<App> {
  const app: App = fastify({
    loggerInstance: options.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // Trace ids are logged where they matter; a child logger per request costs throughput.
    childLoggerFactory: (logger) => logger,
    genReqId: () => '',
    requestIdHeader: false,
    bodyLimit: options.bodyLimitBytes ?? 16 * 1024,
    requestTimeout: options.requestTimeoutMs ?? 10_000,
    connectionTimeout: 0,
    // Longer than the gateway keeps an idle connection (60 s), so it is never us who closes one
    // under a request on its way.
    keepAliveTimeout: 75_000,
    http: { connectionsCheckingInterval: 1_000, headersTimeout: 10_000, maxHeaderSize: 16 * 1024 },
    maxRequestsPerSocket: 0,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 100 },
    trustProxy: false,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    exposeHeadRoutes: false,
    frameworkErrors: (error, request, reply) => {
      prepare(request)
      reply.header('x-correlation-id', request.trace.correlationId)
      return answerError(error, request, reply, options.log)
    },
    clientErrorHandler: answerBrokenRequest,
  }).withTypeProvider<TypeBoxTypeProvider>()
  // Only JSON is spoken here; Fastify would also hand plain text to the handlers.
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(createValidatorCompiler())
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, options.log))
  app.setNotFoundHandler({}, (request, reply) =>
    answerError(requestErrors.notFound(), request, reply, options.log),
  )
  requireAuthMode(app, options)
  observeRequests(app, options)
  if (options.docs !== undefined) await serveDocs(app, options.docs)
  if (options.auth !== undefined) {
    await app.register(authPlugin, { ...options.auth, service: options.service })
  }
  return app
}

function requireAuthMode(app: App, { docs, auth }: ServerOptions): void {
  app.addHook('onRoute', (route) => {
    const isPage = docs !== undefined && `${route.url}/`.startsWith(`${docs.prefix}/docs/`)
    if (isPage && route.config?.auth === undefined) {
      route.config = { ...route.config, auth: 'public' }
    }
    const mode = route.config?.auth
    const name = `${String(route.method)} ${route.url}`
    if (mode === undefined) throw new Error(`route ${name} declares no auth mode`)
    if (mode !== 'public' && auth === undefined) {
      throw new Error(`route ${name} asks for ${mode} but this server verifies nobody`)
    }
  })
}

function prepare(request: FastifyRequest): void {
  request.receivedAtMs = performance.now()
  const span = startSpan(`${request.method} ${request.routeOptions.url ?? 'unknown'}`, {
    kind: 'server',
    traceparent: header(request, 'traceparent'),
  })
  const correlationId = acceptCorrelationId(request.headers['x-correlation-id']) ?? span.traceId
  request.span = span
  request.trace = { traceparent: span.traceparent, traceId: span.traceId, correlationId }
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

function observeRequests(app: App, options: ServerOptions): void {
  const observe = createRequestObserver(options.registry)
  app.decorateRequest('span', null)
  app.decorateRequest('receivedAtMs', 0)
  app.decorateRequest('trace')
  app.addHook('onRequest', (request, reply, done) => {
    prepare(request)
    reply.header('x-correlation-id', request.trace.correlationId)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const durationMs = performance.now() - request.receivedAtMs
    const route = request.routeOptions.url ?? 'unknown'
    observe(`${request.method} ${route}`, reply.statusCode, durationMs / 1000)
    const { span } = request
    if (span?.sampled === true) span.end(reply.statusCode >= 500 ? 'server error' : undefined)
    if (span?.sampled === true || durationMs > SLOW_REQUEST_MS || reply.statusCode >= 500) {
      options.log.info(
        {
          method: request.method,
          route,
          statusCode: reply.statusCode,
          durationMs: Math.round(durationMs),
          traceId: request.trace.traceId,
          correlationId: request.trace.correlationId,
          userId: request.caller?.id,
        },
        'request answered',
      )
    }
    done()
  })
}

const INVALID_JSON_CODES = new Set([
  'FST_ERR_CTP_EMPTY_JSON_BODY',
  'FST_ERR_CTP_INVALID_JSON_BODY',
  'FST_ERR_CTP_INVALID_CONTENT_LENGTH',
])

/** Turns whatever was thrown into a ServiceError; anything unknown becomes internal_error. */
export function toServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  if (isUnavailable(error)) return serviceUnavailable()
  const { code, validation, validationContext, statusCode } = (error ?? {}) as Partial<FastifyError>
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
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return requestErrors.invalid()
  }
  return requestErrors.internal()
}

function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Logger,
): FastifyReply {
  const answer = toServiceError(error)
  const { traceId } = request.trace
  if (answer.code === 'internal_error') {
    log.error({ err: error, traceId, method: request.method, url: request.url }, 'request failed')
  } else if (answer.statusCode >= 500) {
    log.warn(
      { err: error, traceId, route: request.routeOptions.url },
      'request could not be served',
    )
  }
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
function answerBrokenRequest(
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

async function serveDocs(app: App, docs: NonNullable<ServerOptions['docs']>): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: docs.title, description: docs.description, version: '1.0.0' },
      components: {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      },
    },
    hideUntagged: true,
  })
  await app.register(fastifySwaggerUi, { routePrefix: `${docs.prefix}/docs` })
  app.get(
    `${docs.prefix}/openapi.json`,
    { config: { auth: 'public' }, schema: { hide: true } },
    () => app.swagger(),
  )
}
