import { sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Stores the digest of a new code; the one before it is worth nothing any more. */
export async function putCollectionCode(
  tx: Transaction<Database>,
  orderId: string,
  digest: Buffer,
): Promise<void> {
  await sql`
    insert into collection_codes (order_id, digest) values (${orderId}, ${digest})
    on conflict (order_id) do update set digest = excluded.digest, wrong_tries = 0,
      made_at = clock_timestamp()`.execute(tx)
}

export async function readCollectionCode(
  tx: Transaction<Database>,
  orderId: string,
): Promise<{ digest: Buffer; wrongTries: number } | undefined> {
  const { rows } = await sql<{ digest: Buffer; wrongTries: number }>`
    select digest, wrong_tries as "wrongTries" from collection_codes
    where order_id = ${orderId}`.execute(tx)
  return rows[0]
}

export async function countWrongCode(tx: Transaction<Database>, orderId: string): Promise<void> {
  await sql`
    update collection_codes set wrong_tries = wrong_tries + 1 where order_id = ${orderId}`.execute(
    tx,
  )
}

export async function deleteCollectionCode(
  tx: Transaction<Database>,
  orderId: string,
): Promise<void> {
  await sql`delete from collection_codes where order_id = ${orderId}`.execute(tx)
}
