import { bidBuyNow, bidReleased } from '@auction/common/contracts/bid.ts'
import { type Delivery, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { ItemEvent, ItemEvents } from '#src/app/item/item-events.ts'
import { readInstant } from '#src/app/item/read-amount.ts'
import { projectReservations, type Reservation } from '#src/infra/postgres/bidding/reservations.ts'
import { countEvents } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { BATCH_MAX } from './bid-placed.ts'

interface News extends Reservation {
  delivery: Pick<Delivery<unknown>, 'id' | 'trace'>
  event: ItemEvent
}

/** A lot is reserved for a buyer. One that was bought at once is closed by another event of the same commit. */
export const onBidBuyNow = (events: ItemEvents) =>
  projection({
    kind: 'projection',
    consumer: 'auction',
    contract: bidBuyNow,
    batchMax: BATCH_MAX,
    handle: (tx: Transaction<Database>, deliveries) =>
      apply(
        tx,
        events,
        deliveries.flatMap((delivery): News[] => {
          const { itemId, sequence, reservedUntil } = delivery.payload
          if (reservedUntil === undefined) return []
          const event = { kind: 'reserved', until: readInstant(reservedUntil) } as const
          return [{ itemId, sequence, isReserved: true, delivery, event }]
        }),
      ),
  })

/** A reservation ended unpaid. */
export const onBidReleased = (events: ItemEvents) =>
  projection({
    kind: 'projection',
    consumer: 'auction',
    contract: bidReleased,
    batchMax: BATCH_MAX,
    handle: (tx: Transaction<Database>, deliveries) =>
      apply(
        tx,
        events,
        deliveries.map((delivery): News => {
          const { itemId, sequence } = delivery.payload
          return { itemId, sequence, isReserved: false, delivery, event: { kind: 'released' } }
        }),
      ),
  })

/** The latest of each item counts: one that was overtaken changes nothing, and is published by no event. */
async function apply(
  tx: Transaction<Database>,
  events: ItemEvents,
  news: readonly News[],
): Promise<void> {
  const latest = new Map<string, News>()
  for (const each of news) {
    const known = latest.get(each.itemId)
    if (known === undefined || known.sequence < each.sequence) latest.set(each.itemId, each)
  }
  const { known, moved } = await projectReservations(tx, [...latest.values()])
  for (const [itemId, { delivery, event }] of latest) {
    if (!known.has(itemId)) throw new Error(`item ${itemId} is not known or not published`)
    if (!moved.has(itemId)) continue
    const after = await countEvents(tx, itemId, 1)
    await events.emit(tx, after, delivery.trace, [event], delivery.id)
  }
}
