import { isUnavailable } from '@auction/common/http/errors.ts'
import { sql, type Transaction } from 'kysely'
import type { Database } from './schema.ts'

/**
 * Runs part of a transaction so that its failure undoes only that part. The error is thrown on; on a
 * lost connection there is nothing left to undo, and the first error is the one that is thrown.
 */
export async function inSavepoint<T>(
  tx: Transaction<Database>,
  work: () => Promise<T>,
): Promise<T> {
  await sql`savepoint part`.execute(tx)
  try {
    const result = await work()
    await sql`release savepoint part`.execute(tx)
    return result
  } catch (error) {
    if (!isUnavailable(error)) await sql`rollback to savepoint part`.execute(tx)
    throw error
  }
}
