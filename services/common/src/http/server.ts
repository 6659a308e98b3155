import type { IncomingMessage, Server } from 'node:http'
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifySchema,
  fastify,
  LogController,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
} from 'fastify'
import type { Registry } from 'prom-client'
import type { Logger } from '../process/logger.ts'
import { observeRequests, prepare } from '../telemetry/request-observer.ts'
import { type AuthOptions, assertAccess, authPlugin } from './auth.ts'
import { answerBrokenRequest, answerError, requestErrors } from './error-answers.ts'
import { documentRoute } from './openapi.ts'
import { finishDocument } from './openapi-document.ts'
import { boundSmallBodies } from './slow-bodies.ts'
import { createValidatorCompiler } from './validation.ts'

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
  docs?: ApiDocs
  bodyLimitBytes?: number
  requestTimeoutMs?: number
  /** For requests of routes that take a file; absent = as long as for all others. */
  uploadTimeoutMs?: number
  /** Addresses and CIDRs whose X-Forwarded-For is believed; absent = `request.ip` is the peer. */
  trustedProxies?: readonly string[]
  /** The path that is routed instead of the one that was asked for, `originalUrl`. */
  rewritePath?: (path: string, method: string) => string
}

/** What the document of an API says besides its routes. */
export interface ApiDocs {
  prefix: string
  title: string
  description: string
  /** Every tag that routes use, with what it stands for. */
  tags: Readonly<Record<string, string>>
}

const REQUEST_TIMEOUT_MS = 10_000
const CLOSE_IDLE_INTERVAL_MS = 50

/**
 * The HTTP server every service starts from: limits written down, strict validation, one error
 * body, trace and correlation ids, metrics, OpenAPI. A route that does not declare who may call it
 * stops the boot.
 */
export async function buildServer(options: ServerOptions): Promise<App> {
  const { requestTimeoutMs = REQUEST_TIMEOUT_MS, trustedProxies = [], rewritePath } = options
  const { uploadTimeoutMs = requestTimeoutMs } = options
  const app: App = fastify({
    loggerInstance: options.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // Trace ids are logged where they matter; a child logger per request costs throughput.
    childLoggerFactory: (logger) => logger,
    genReqId: () => '',
    requestIdHeader: false,
    bodyLimit: options.bodyLimitBytes ?? 16 * 1024,
    requestTimeout: uploadTimeoutMs,
    connectionTimeout: 0,
    // Longer than the gateway keeps an idle connection (60 s), so it is never us who closes one
    // under a request on its way.
    keepAliveTimeout: 75_000,
    http: {
      connectionsCheckingInterval: 1_000,
      headersTimeout: requestTimeoutMs,
      maxHeaderSize: 16 * 1024,
    },
    maxRequestsPerSocket: 0,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 100 },
    ...(rewritePath === undefined
      ? {}
      : { rewriteUrl: ({ url = '/', method = '' }: IncomingMessage) => rewritePath(url, method) }),
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
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
  forgiveEmptyBodies(app)
  requireAuthMode(app, options)
  observeRequests(app, options)
  if (uploadTimeoutMs > requestTimeoutMs) boundSmallBodies(app, requestTimeoutMs)
  boundClosing(app, requestTimeoutMs)
  if (options.docs !== undefined) await serveDocs(app, options.docs)
  if (options.auth !== undefined) {
    await app.register(authPlugin, { ...options.auth, service: options.service })
  }
  return app
}

/** Many clients name a content type on every request. Where no body is wanted, none is right. */
function forgiveEmptyBodies(app: App): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { headers, routeOptions } = request
    const isEmpty =
      headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0
    if (isEmpty && routeOptions.schema?.body === undefined) delete headers['content-type']
    done()
  })
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
      throw new Error(`route ${name} asks for ${mode} but this server verifies no caller`)
    }
    if (auth !== undefined) assertAccess(name, route.config ?? {}, auth)
    if (docs !== undefined) {
      if (!isPage) assertResponseSchema(name, route.schema)
      documentRoute(name, route)
    }
  })
}

/** Refuses a route whose JSON no schema describes: its answer could leak a field. */
function assertResponseSchema(name: string, schema: FastifySchema = {}): void {
  const statuses = Object.keys((schema.response ?? {}) as object)
  const isOtherMedia =
    schema.produces !== undefined && !schema.produces.includes('application/json')
  if (schema.hide !== true && !isOtherMedia && !statuses.some((status) => /^2../.test(status)))
    throw new Error(`route ${name} has no response schema for its success`)
}

/**
 * A closing server waits for its connections, and Node no longer enforces any timeout on them: one
 * that a last answer went over stays open for the next request, and one on which nothing ever
 * arrives stays for ever. Either would hold up the stop and every step that comes after it.
 */
function boundClosing(app: App, timeoutMs: number): void {
  app.addHook('preClose', (done) => {
    const idle = setInterval(
      () => app.server.closeIdleConnections(),
      CLOSE_IDLE_INTERVAL_MS,
    ).unref()
    const all = setTimeout(() => app.server.closeAllConnections(), timeoutMs).unref()
    app.server.once('close', () => {
      clearInterval(idle)
      clearTimeout(all)
    })
    done()
  })
}

async function serveDocs(app: App, docs: NonNullable<ServerOptions['docs']>): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: docs.title,
        description: docs.description,
        version: '1.0.0',
        contact: { name: 'Operators of this installation' },
        license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
      },
      // Relative to the document: an API is where its document was read.
      servers: [{ url: '/', description: 'The installation that served this document' }],
      tags: Object.entries(docs.tags).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'The access token of POST /identity/login.',
          },
        },
      },
    },
    hideUntagged: true,
    transformObject: finishDocument,
  })
  await app.register(fastifySwaggerUi, { routePrefix: `${docs.prefix}/docs` })
  app.get(
    `${docs.prefix}/openapi.json`,
    { config: { auth: 'public' }, schema: { hide: true } },
    () => app.swagger(),
  )
}
