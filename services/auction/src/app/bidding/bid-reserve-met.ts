import { bidReserveMet } from '@auction/common/contracts/bid.ts'
import { type Delivery, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import type { Static } from 'typebox'
import { readAmount } from '#src/app/item/read-amount.ts'
import { latestPerItem } from '#src/domain/bid-fold.ts'
import { projectReserveMet } from '#src/infra/postgres/bidding/bid-projection.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { assertItemsMatch } from './assert-items-match.ts'
import { BATCH_MAX } from './bid-placed.ts'

/** A reserve is met, by a bid or because the seller lowered it. */
export const onBidReserveMet = () =>
  projection({
    kind: 'projection',
    consumer: 'auction',
    contract: bidReserveMet,
    batchMax: BATCH_MAX,
    async handle(
      tx: Transaction<Database>,
      deliveries: Delivery<Static<typeof bidReserveMet.payload>>[],
    ) {
      const events = deliveries.map(({ payload }) => ({
        itemId: payload.itemId,
        sequence: payload.sequence,
        currencyCode: payload.currencyCode,
        price: readAmount(payload.currentPrice, payload.currencyCode),
        buyNowAvailable: payload.buyNowAvailable,
      }))
      assertItemsMatch(await projectReserveMet(tx, latestPerItem(events)), events)
    },
  })
