import { userDeleted } from '@auction/common/contracts/identity.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { recordDepartedUsers } from '#src/infra/postgres/departures/departed-users.ts'
import { deleteSavedSearchesOf } from '#src/infra/postgres/saved-searches/saved-searches.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { deleteWatchesOf } from '#src/infra/postgres/watchlist/watches.ts'

const BATCH_MAX = 100

/**
 * An account was deleted: its saved searches and watches are deleted at once, and a timer deletes its
 * drafts and moderation notes (erase-departed-users.ts).
 */
export const onUserDeleted = () =>
  projection({
    kind: 'projection',
    consumer: 'auction',
    contract: userDeleted,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const userIds = deliveries.map(({ payload }) => payload.userId)
      await deleteSavedSearchesOf(tx, userIds)
      await deleteWatchesOf(tx, userIds)
      await recordDepartedUsers(tx, userIds)
    },
  })
