import { isUnavailable } from '@auction/common/http/errors.ts'
import { sql, type Transaction } from 'kysely'
import type { Database } from './schema.ts'

/** A savepoint could not be set, released or returned to: the whole transaction is lost. */
export class SavepointError extends Error {
  override readonly name = 'SavepointError'
}

/**
 * Runs part of a transaction so that its failure undoes only that part; its error is thrown on.
 * Throws SavepointError when a savepoint itself fails: nothing of the transaction can be committed
 * then, so the caller must give it up. On a lost connection the first error is thrown.
 */
export async function inSavepoint<T>(
  tx: Transaction<Database>,
  work: () => Promise<T>,
): Promise<T> {
  await savepoint(tx, 'savepoint part')
  let result: T
  try {
    result = await work()
  } catch (error) {
    if (!isUnavailable(error)) await savepoint(tx, 'rollback to savepoint part')
    throw error
  }
  await savepoint(tx, 'release savepoint part')
  return result
}

async function savepoint(tx: Transaction<Database>, statement: string): Promise<void> {
  try {
    await sql.raw(statement).execute(tx)
  } catch (error) {
    if (isUnavailable(error)) throw error
    throw new SavepointError(`${statement} failed`, { cause: error })
  }
}
