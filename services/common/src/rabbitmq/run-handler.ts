import type { Kysely, Transaction } from 'kysely'
import type { Consumer, ConsumersOptions, Delivery } from './consumer.ts'
import { claim, forgetAttempts } from './inbox.ts'
import { hasWrittenOutbox, wakeRelay } from './outbox.ts'

/** `repeated`: its effects were there already. */
export type Handled = 'handled' | 'repeated'

/**
 * Runs the handler once for these events, in the way of its kind, within the time it is given. What was
 * counted of them is deleted with their effects.
 */
export async function runHandler<DB>(
  options: ConsumersOptions<DB> & { handlerTimeoutMs: number },
  consumer: Consumer<DB>,
  queue: string,
  events: Delivery[],
  countedIds: readonly string[],
): Promise<Handled> {
  const { db, handlerTimeoutMs: timeoutMs } = options
  const [first] = events
  if (first === undefined) return 'handled'
  switch (consumer.kind) {
    case 'projection':
      await inTransaction(db, timeoutMs, async (tx) => {
        await consumer.handle(tx, events)
        await forgetAttempts(tx, queue, countedIds)
      })
      return 'handled'
    case 'idempotent':
      await withTimeout(timeoutMs, consumer.handle(first))
      await forgetAttempts(db, queue, countedIds)
      return 'handled'
    case 'transactional':
      return inTransaction(db, timeoutMs, async (tx): Promise<Handled> => {
        await forgetAttempts(tx, queue, countedIds)
        if (!(await claim(tx, queue, first.id))) return 'repeated'
        await consumer.handle(tx, first)
        return 'handled'
      })
  }
}

/**
 * A transaction that is rolled back when the time is up, whatever its work still does: nothing of
 * it can be committed afterwards, beside a later try, and its connection is free again.
 */
async function inTransaction<DB, T>(
  db: Kysely<DB>,
  timeoutMs: number,
  work: (tx: Transaction<DB>) => Promise<T>,
): Promise<T> {
  const tx = await db.startTransaction().execute()
  try {
    const result = await withTimeout(timeoutMs, work(tx))
    await tx.commit().execute()
    if (hasWrittenOutbox(tx)) wakeRelay(db)
    return result
  } catch (error) {
    // On a lost connection there is nothing to roll back; the first error says why.
    await tx
      .rollback()
      .execute()
      .catch(() => undefined)
    throw error
  }
}

async function withTimeout<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
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
