import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely, Transaction } from 'kysely'
import type { Address } from '#src/domain/texts.ts'
import { putAddress, readAddressOf } from '#src/infra/postgres/delivery/addresses.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// An address that is moved to the row of another order does not open.
const contextOf = (orderId: string) => `order-address:${orderId}`

export function sealAddress(
  tx: Transaction<Database>,
  box: SecretBox,
  orderId: string,
  address: Address,
): Promise<void> {
  const sealed = box.seal(JSON.stringify(address), contextOf(orderId))
  return putAddress(tx, orderId, { sealed, keyId: box.keyId })
}

export async function openAddress(
  db: Kysely<Database>,
  box: SecretBox,
  orderId: string,
): Promise<Address | undefined> {
  const stored = await readAddressOf(db, orderId)
  if (stored === undefined) return undefined
  return JSON.parse(box.open(stored.sealed, contextOf(orderId))) as Address
}
