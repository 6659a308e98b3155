import { startSpan, type Trace } from '@auction/common/tracing.ts'

/** The beginning of a trace for work that no request caused, such as a timer's. */
export function ownTrace(name: string): Trace {
  const { traceparent, traceId, end } = startSpan(name, { kind: 'internal' })
  // Ended at once: only an ended span is exported, and what follows names it as its parent.
  end()
  return { traceparent, traceId, correlationId: traceId }
}
