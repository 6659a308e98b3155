import { AsyncLocalStorage } from 'node:async_hooks'
import { randomFillSync } from 'node:crypto'
import {
  type Span as ApiSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'

/** What a request or message carries on its way through the services. */
export interface Trace {
  readonly traceparent: string
  readonly traceId: string
  readonly correlationId: string
}

export interface Span {
  readonly traceparent: string
  readonly traceId: string
  readonly sampled: boolean
  end(error?: unknown): void
}

export interface SpanOptions {
  kind: 'server' | 'producer' | 'consumer' | 'client' | 'internal'
  /** W3C header of the parent; absent or malformed starts a new trace. */
  traceparent?: string | undefined
  attributes?: Record<string, string | number>
}

const KINDS = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} as const

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/
const CORRELATION_ID = /^[A-Za-z0-9._:-]{1,64}$/

// Zero until telemetry.ts has started an exporter, so a process without one makes no spans at all.
let sampleRatio = 0

/** Called by telemetry.ts once the SDK runs: the share of new traces that are recorded. */
export function setSampleRatio(ratio: number): void {
  sampleRatio = ratio
}

/** Parses a W3C traceparent; undefined when it is malformed, as the standard asks. */
export function parseTraceparent(
  header: unknown,
): { traceId: string; spanId: string; sampled: boolean } | undefined {
  if (typeof header !== 'string') return undefined
  const match = TRACEPARENT.exec(header)
  if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) return undefined
  return {
    traceId: match[1],
    spanId: match[2],
    sampled: (Number.parseInt(match[3], 16) & TraceFlags.SAMPLED) === TraceFlags.SAMPLED,
  }
}

/** A caller's correlation id when it is harmless to log and forward, else undefined. */
export function acceptCorrelationId(header: unknown): string | undefined {
  return typeof header === 'string' && CORRELATION_ID.test(header) ? header : undefined
}

/**
 * Starts a span. Sampling is decided first: an unsampled span costs two random ids at most,
 * because the SDK's own path halves the request rate (docs/adr/0007-light-tracing-hook.md).
 */
export function startSpan(name: string, options: SpanOptions): Span {
  const parent = parseTraceparent(options.traceparent)
  const sampled =
    sampleRatio > 0 && (parent === undefined ? Math.random() < sampleRatio : parent.sampled)
  if (!sampled) return unsampledSpan(parent?.traceId, options.traceparent)
  const context =
    parent === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          traceId: parent.traceId,
          spanId: parent.spanId,
          traceFlags: TraceFlags.SAMPLED,
          isRemote: true,
        })
  const span = trace.getTracer('auction').startSpan(
    name,
    {
      kind: KINDS[options.kind],
      attributes: { ...options.attributes },
      root: parent === undefined,
    },
    context,
  )
  return sampledSpan(span)
}

function unsampledSpan(traceId: string | undefined, traceparent: string | undefined): Span {
  // Without a span of our own the parent's header goes on as it came.
  if (traceId !== undefined && traceparent !== undefined) {
    return { traceparent, traceId, sampled: false, end: noop }
  }
  const ids = randomHex()
  const made = ids.slice(0, 32)
  return { traceparent: `00-${made}-${ids.slice(32)}-00`, traceId: made, sampled: false, end: noop }
}

const ID_BYTES = 24
const pool = { bytes: Buffer.alloc(ID_BYTES * 256), next: ID_BYTES * 256 }

/** Bytes for a trace id and a span id; drawn in bulk, since each draw costs microseconds. */
function randomHex(): string {
  if (pool.next >= pool.bytes.length) {
    randomFillSync(pool.bytes)
    pool.next = 0
  }
  const ids = pool.bytes.toString('hex', pool.next, pool.next + ID_BYTES)
  pool.next += ID_BYTES
  return ids
}

function noop(): void {}

function sampledSpan(span: ApiSpan): Span {
  const { traceId, spanId } = span.spanContext()
  return {
    traceparent: `00-${traceId}-${spanId}-01`,
    traceId,
    sampled: true,
    end(error) {
      if (error !== undefined) {
        span.setStatus({
          code: SpanStatusCode.ERROR,
          message: error instanceof Error ? error.message : String(error),
        })
      }
      span.end()
    },
  }
}

/** The beginning of a trace for work that no request caused, such as a timer's. */
export function ownTrace(name: string): Trace {
  const { traceparent, traceId, end } = startSpan(name, { kind: 'internal' })
  // Ended at once: only an ended span is exported, and what follows names it as its parent.
  end()
  return { traceparent, traceId, correlationId: traceId }
}

// Only consumers use this store. Requests carry their trace on the request object, because an
// AsyncLocalStorage scope per request costs a tenth of the throughput.
const storage = new AsyncLocalStorage<Trace>()

/** The trace of the message being handled, if any. */
export function currentTrace(): Trace | undefined {
  return storage.getStore()
}

/** Runs `work` so that currentTrace() answers with `trace` inside it. */
export function runWithTrace<T>(trace: Trace, work: () => T): T {
  return storage.run(trace, work)
}
