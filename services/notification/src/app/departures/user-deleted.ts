import { userDeleted } from '@auction/common/contracts/identity.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import {
  deleteUsers,
  lockDepartures,
  recordDepartedUsers,
} from '#src/infra/postgres/departures/departed-users.ts'
import { deleteSubscriptionsOf } from '#src/infra/postgres/push/subscriptions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { deleteEndpointsOf } from '#src/infra/postgres/webhooks/endpoints.ts'

const BATCH_MAX = 100

/**
 * An account was deleted: everything that is kept of its user is deleted at once, and events that are
 * under way or come late notify this user of nothing.
 */
export const onUserDeleted = () =>
  projection({
    kind: 'projection',
    consumer: 'notification',
    contract: userDeleted,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const userIds = deliveries.map(({ payload }) => payload.userId)
      // Before any row is locked: those that write for users hold rows, and wait for nothing of ours.
      await lockDepartures(tx)
      await recordDepartedUsers(tx, userIds)
      await deleteUsers(tx, userIds)
      await deleteEndpointsOf(tx, userIds)
      await deleteSubscriptionsOf(tx, userIds)
    },
  })
