import { userRegistered } from '@auction/common/contracts/identity.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { readInstant } from '#src/app/item/read-amount.ts'
import { recordRegistrations } from '#src/infra/postgres/bidder-review/bidder-activity.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const BATCH_MAX = 100

/** Records when an account registered; neither its name nor its address is stored. */
export const onUserRegistered = () =>
  projection({
    kind: 'projection',
    consumer: 'auction',
    contract: userRegistered,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      await recordRegistrations(
        tx,
        deliveries.map(({ payload, timestamp }) => ({
          userId: payload.userId,
          registeredAt: readInstant(timestamp),
        })),
      )
    },
  })
