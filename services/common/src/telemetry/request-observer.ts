import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Registry } from 'prom-client'
import type { Logger } from '../process/logger.ts'
import { createRequestObserver } from './metrics.ts'
import {
  acceptCorrelationId,
  CORRELATION_ATTRIBUTE,
  recordLateSpan,
  type Span,
  type SpanAttributes,
  startSpan,
  type Trace,
} from './tracing.ts'

declare module 'fastify' {
  interface FastifyRequest {
    trace: Trace
    span: Span | null
    /** The stable code of the error that is the answer; empty when it is none. */
    errorCode: string
    /** Monotonic milliseconds (performance.now) when this process received the request. */
    receivedAtMs: number
  }
  interface FastifyReply {
    /** Counts a hijacked answer now: one that has no end is answered when it begins. */
    recordAnswer(): void
  }
}

/** Logged from here on, also when everything went well. */
const SLOW_REQUEST_MS = 1_000
/** Traced from here on, sampled or not; a collector keeps what is as slow (k8s/otel-collector.yaml). */
export const SLOW_TRACE_MS = 500

/** Gives a request its trace and its correlation id, which answers and log lines name. */
export function prepare(request: FastifyRequest): void {
  request.receivedAtMs = performance.now()
  const span = startSpan(nameOf(request), {
    kind: 'server',
    traceparent: header(request, 'traceparent'),
  })
  const correlationId = acceptCorrelationId(request.headers['x-correlation-id']) ?? span.traceId
  request.span = span
  request.trace = { traceparent: span.traceparent, traceId: span.traceId, correlationId }
}

const nameOf = (request: FastifyRequest) =>
  `${request.method} ${request.routeOptions.url ?? 'unknown'}`

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

/** Counts, times, traces and logs what is answered. */
export function observeRequests(
  app: Pick<FastifyInstance, 'addHook' | 'decorateRequest' | 'decorateReply'>,
  { log, registry }: { log: Logger; registry: Registry },
): void {
  const observe = createRequestObserver(registry)
  app.decorateRequest('span', null)
  app.decorateRequest('receivedAtMs', 0)
  app.decorateRequest('errorCode', '')
  app.decorateRequest('trace')
  app.addHook('onRequest', (request, reply, done) => {
    prepare(request)
    reply.header('x-correlation-id', request.trace.correlationId)
    done()
  })
  const record = (request: FastifyRequest, reply: FastifyReply) => {
    const durationMs = performance.now() - request.receivedAtMs
    observe(nameOf(request), reply.statusCode, durationMs / 1000)
    traceAnswer(request, reply, durationMs)
    const isSampled = request.span?.sampled === true
    if (isSampled || durationMs > SLOW_REQUEST_MS || reply.statusCode >= 500) {
      log.info(
        {
          method: request.method,
          route: request.routeOptions.url ?? 'unknown',
          statusCode: reply.statusCode,
          durationMs: Math.round(durationMs),
          traceId: request.trace.traceId,
          correlationId: request.trace.correlationId,
          userId: request.caller?.id,
        },
        'request answered',
      )
    }
  }
  app.decorateReply('recordAnswer', function (this: FastifyReply) {
    record(this.request, this)
  })
  app.addHook('onResponse', (request, reply, done) => {
    record(request, reply)
    done()
  })
}

/** Ends the span; a request without one that failed or was slow gets one after all. */
function traceAnswer(request: FastifyRequest, reply: FastifyReply, durationMs: number): void {
  const isFailed = reply.statusCode >= 500
  const isSampled = request.span?.sampled === true
  if (!isSampled && !isFailed && durationMs <= SLOW_TRACE_MS) return
  const error = isFailed ? request.errorCode || 'server error' : undefined
  const attributes: SpanAttributes = {
    [CORRELATION_ATTRIBUTE]: request.trace.correlationId,
    'http.request.method': request.method,
    'http.route': request.routeOptions.url ?? 'unknown',
    'http.response.status_code': reply.statusCode,
    ...(request.errorCode !== '' && { 'app.error_code': request.errorCode }),
  }
  if (isSampled) {
    request.span?.end(error, attributes)
    return
  }
  const { traceparent } = request.trace
  recordLateSpan(nameOf(request), { kind: 'server', traceparent, attributes, durationMs, error })
}
