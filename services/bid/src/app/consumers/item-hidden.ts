import { itemRemoved, itemRestored } from '@auction/common/contracts/auction.ts'
import { PermanentError, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { type HiddenItem, putHiddenItems } from '#src/infra/postgres/offers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const BATCH_MAX = 100

const hiddenConsumer = (contract: typeof itemRemoved, isHidden: boolean) =>
  projection({
    kind: 'projection',
    consumer: 'bid',
    contract,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const newest = new Map<string, HiddenItem>()
      for (const { payload, sequence } of deliveries) {
        if (sequence === undefined) throw new PermanentError(`${contract.key} without a sequence`)
        const { id: itemId } = payload
        if (sequence > (newest.get(itemId)?.sequence ?? 0))
          newest.set(itemId, { itemId, isHidden, sequence })
      }
      await putHiddenItems(tx, [...newest.values()])
    },
  })

/** A moderator hid an item: it is neither offered nor bought by an offer until it is shown again. */
export const onItemRemoved = () => hiddenConsumer(itemRemoved, true)
export const onItemRestored = () => hiddenConsumer(itemRestored, false)
