import { itemCreated, itemUpdated } from '@auction/common/contracts/auction.ts'
import { type Delivery, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { type KnownItem, projectItems } from '#src/infra/postgres/items/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const BATCH_MAX = 200

const kind = { kind: 'projection', consumer: 'notification', batchMax: BATCH_MAX } as const

export const onItemCreated = () => projection({ ...kind, contract: itemCreated, handle: keep })

/** Also an edit that changes no terms has a new sequence, so a late one does not bring back an old name. */
export const onItemUpdated = () => projection({ ...kind, contract: itemUpdated, handle: keep })

type Described = Pick<KnownItem, 'id' | 'sellerId' | 'name' | 'currencyCode'>

/** Keeps what items are called: their latest events here, in whatever order they come. */
async function keep(
  tx: Transaction<Database>,
  deliveries: readonly Delivery<Described>[],
): Promise<void> {
  const latest = new Map<string, KnownItem>()
  for (const { payload, sequence = 0 } of deliveries) {
    const { id, sellerId, name, currencyCode } = payload
    const known = latest.get(id)
    if (known !== undefined && known.sequence >= sequence) continue
    latest.set(id, { id, sellerId, name, currencyCode, sequence })
  }
  await projectItems(tx, [...latest.values()])
}
