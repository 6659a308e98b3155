import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface SealedAddress {
  readonly sealed: Buffer
  readonly keyId: string
}

export async function putAddress(
  tx: Transaction<Database>,
  orderId: string,
  { sealed, keyId }: SealedAddress,
): Promise<void> {
  await sql`
    insert into addresses (order_id, sealed, key_id) values (${orderId}, ${sealed}, ${keyId})
    on conflict (order_id) do update set sealed = excluded.sealed, key_id = excluded.key_id,
      updated_at = clock_timestamp()`.execute(tx)
}

export async function readAddressOf(
  db: Kysely<Database>,
  orderId: string,
): Promise<SealedAddress | undefined> {
  const { rows } = await sql<SealedAddress>`
    select sealed, key_id as "keyId" from addresses where order_id = ${orderId}`.execute(db)
  return rows[0]
}

export async function eraseAddress(tx: Transaction<Database>, orderId: string): Promise<void> {
  await sql`delete from addresses where order_id = ${orderId}`.execute(tx)
}
