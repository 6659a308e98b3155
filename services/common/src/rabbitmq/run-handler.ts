import { runWithTrace } from '../tracing.ts'
import type { Consumer, ConsumersOptions, Delivery } from './consumer.ts'
import { claim } from './inbox.ts'

/** `repeated`: its effects were there already. */
export type Handled = 'handled' | 'repeated'

/** Runs the handler once for these events, in the way of its kind, within the time it is given. */
export async function runHandler<DB>(
  options: ConsumersOptions<DB> & { handlerTimeoutMs: number },
  consumer: Consumer<DB>,
  queue: string,
  events: Delivery[],
): Promise<Handled> {
  return withTimeout(handle(options, consumer, queue, events), options.handlerTimeoutMs)
}

async function handle<DB>(
  { db, onCommitted }: ConsumersOptions<DB>,
  consumer: Consumer<DB>,
  queue: string,
  events: Delivery[],
): Promise<Handled> {
  const [first] = events
  if (first === undefined) return 'handled'
  switch (consumer.kind) {
    case 'projection':
      await db.transaction().execute((tx) => consumer.handle(tx, events))
      onCommitted?.()
      return 'handled'
    case 'idempotent':
      await runWithTrace(first.trace, () => consumer.handle(first))
      return 'handled'
    case 'transactional': {
      const isFirst = await db.transaction().execute(async (tx) => {
        if (!(await claim(tx, queue, first.id))) return false
        await runWithTrace(first.trace, () => consumer.handle(tx, first))
        return true
      })
      onCommitted?.()
      return isFirst ? 'handled' : 'repeated'
    }
  }
}

// What goes on after the time is up cannot do harm twice: a later try meets its inbox row or its
// sequence, and the statement timeout of the pool ends it.
async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the handler took longer than ${timeoutMs} ms`)),
      timeoutMs,
    )
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}
