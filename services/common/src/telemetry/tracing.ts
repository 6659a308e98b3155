import {
  type Span as ApiSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { createRandomPool } from '../random-pool.ts'

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
  /** With what is known only at the end. */
  end(error?: unknown, attributes?: SpanAttributes): void
}

export type SpanAttributes = Record<string, string | number>

/** The attribute by which operators search a trace when a user reports the id of a request. */
export const CORRELATION_ATTRIBUTE = 'app.correlation_id'

export interface SpanOptions {
  kind: 'server' | 'producer' | 'consumer' | 'client' | 'internal'
  /** W3C header of the parent; absent or malformed starts a new trace. */
  traceparent?: string | undefined
  attributes?: SpanAttributes
  /** W3C headers of what came before in other traces. A new trace is recorded when one of them is. */
  links?: readonly string[] | undefined
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
let isExporting = false

/** Called by telemetry.ts once the SDK runs: the share of new traces that are recorded. */
export function setSampleRatio(ratio: number): void {
  sampleRatio = ratio
  isExporting = true
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
  const sampled = isExporting && (parent === undefined ? isDrawn(options.links) : parent.sampled)
  if (!sampled) return unsampledSpan(parent?.traceId, options.traceparent)
  return sampledSpan(makeSpan(name, options, parent))
}

const isDrawn = (links: readonly string[] = []): boolean =>
  links.some((link) => parseTraceparent(link)?.sampled === true) || Math.random() < sampleRatio

/**
 * Records work that turned out to matter after it had not been sampled: an error, something slow.
 * It has the trace id that answer and log lines name; the spans around it were never made.
 */
export function recordLateSpan(
  name: string,
  options: SpanOptions & { durationMs: number; error?: unknown },
): void {
  if (!isExporting) return
  const endedAtMs = Date.now()
  const startTime = new Date(endedAtMs - options.durationMs)
  const span = makeSpan(name, options, parseTraceparent(options.traceparent), startTime)
  end(span, options.error, endedAtMs)
}

function makeSpan(
  name: string,
  { kind, attributes, links = [] }: SpanOptions,
  parent: ReturnType<typeof parseTraceparent>,
  startTime?: Date,
): ApiSpan {
  const context =
    parent === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          traceId: parent.traceId,
          spanId: parent.spanId,
          traceFlags: TraceFlags.SAMPLED,
          isRemote: true,
        })
  const options = {
    kind: KINDS[kind],
    attributes: { ...attributes },
    root: parent === undefined,
    links: links.flatMap((link) => {
      const other = parseTraceparent(link)
      if (other === undefined || !other.sampled) return []
      const { traceId, spanId } = other
      return [{ context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true } }]
    }),
    ...(startTime !== undefined && { startTime }),
  }
  return trace.getTracer('auction').startSpan(name, options, context)
}

function end(span: ApiSpan, error: unknown, atMs?: number): void {
  if (error !== undefined) {
    const message = error instanceof Error ? error.message : String(error)
    span.setStatus({ code: SpanStatusCode.ERROR, message })
  }
  span.end(atMs)
}

function unsampledSpan(traceId: string | undefined, traceparent: string | undefined): Span {
  // Without a span of our own the parent's header goes on as it came.
  if (traceId !== undefined && traceparent !== undefined) {
    return { traceparent, traceId, sampled: false, end: noop }
  }
  const ids = drawIds().toString('hex')
  const made = ids.slice(0, 32)
  return { traceparent: `00-${made}-${ids.slice(32)}-00`, traceId: made, sampled: false, end: noop }
}

// The bytes of a trace id and of a span id.
const drawIds = createRandomPool(16 + 8)

function noop(): void {}

function sampledSpan(span: ApiSpan): Span {
  const { traceId, spanId } = span.spanContext()
  return {
    traceparent: `00-${traceId}-${spanId}-01`,
    traceId,
    sampled: true,
    end(error, attributes) {
      if (attributes !== undefined) span.setAttributes(attributes)
      end(span, error)
    },
  }
}

/** Whether a header says that its trace is recorded; only such a one is worth keeping for a link. */
export const isRecorded = (traceparent: string | undefined): boolean =>
  parseTraceparent(traceparent)?.sampled === true

/** One step of a trace, which names what it goes on from in other traces. */
export function linkedTrace(name: string, trace: Trace, links: readonly string[]): Trace {
  const span = startSpan(name, { kind: 'internal', traceparent: trace.traceparent, links })
  span.end(undefined, { [CORRELATION_ATTRIBUTE]: trace.correlationId })
  return { ...trace, traceparent: span.traceparent }
}

/**
 * The beginning of a trace for work that no request caused, such as a timer's. `links`: what made the timer, in traces that are
 * over.
 */
export function ownTrace(name: string, links: readonly string[] = []): Trace {
  const span = startSpan(name, { kind: 'internal', links })
  const { traceparent, traceId } = span
  // Ended at once: only an ended span is exported, and what follows names it as its parent.
  span.end(undefined, { [CORRELATION_ATTRIBUTE]: traceId })
  return { traceparent, traceId, correlationId: traceId }
}
