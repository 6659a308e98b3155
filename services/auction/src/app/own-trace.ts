import { startSpan, type Trace } from '@auction/common/tracing.ts'

/** The beginning of a trace for work that no request caused, such as a timer's. */
export function ownTrace(name: string): Trace {
  const { traceparent, traceId } = startSpan(name, { kind: 'internal' })
  return { traceparent, traceId, correlationId: traceId }
}
