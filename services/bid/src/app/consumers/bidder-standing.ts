import type { EventContract } from '@auction/common/contracts/event.ts'
import { userDeleted, userReinstated, userSuspended } from '@auction/common/contracts/identity.ts'
import { PermanentError, projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { putStandings, type StandingUpdate } from '#src/infra/postgres/bidder-standings.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { forgetBlocksOf, lockAccounts } from '#src/infra/postgres/seller-blocks.ts'

const BATCH_MAX = 100

/**
 * Who may bid. Each event has a queue of its own, so a reinstatement may come before the suspension
 * that it ends: only the sequence says which of the two holds.
 */
export const onStandingEvents = () => [
  standingConsumer(userSuspended, 'suspended'),
  standingConsumer(userReinstated, 'ok'),
  standingConsumer(userDeleted, 'deleted'),
]

type UserContract = typeof userSuspended | typeof userReinstated | typeof userDeleted

function standingConsumer(contract: UserContract, standing: StandingUpdate['standing']) {
  return projection({
    kind: 'projection',
    consumer: 'bid',
    contract: contract as EventContract<typeof userDeleted.payload>,
    batchMax: BATCH_MAX,
    async handle(tx: Transaction<Database>, deliveries) {
      const newest = new Map<string, StandingUpdate>()
      for (const { payload, sequence } of deliveries) {
        if (sequence === undefined) throw new PermanentError(`${contract.key} without a sequence`)
        const { userId } = payload
        if (sequence > (newest.get(userId)?.sequence ?? 0))
          newest.set(userId, { userId, standing, sequence })
      }
      // A block that is written just now is either forgotten here, or sees that the account is gone.
      if (standing === 'deleted') await lockAccounts(tx, [...newest.keys()], 'exclusive')
      await putStandings(tx, [...newest.values()])
      if (standing === 'deleted') await forgetBlocksOf(tx, [...newest.keys()])
    },
  })
}
