import { standingConsumers } from '@auction/common/rabbitmq/standing-events.ts'
import type { Transaction } from 'kysely'
import { putStandings } from '#src/infra/postgres/bidder-standings.ts'
import { forgetOptOuts } from '#src/infra/postgres/offers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { forgetBlocksOf, lockAccounts } from '#src/infra/postgres/seller-blocks.ts'

/** Who may bid. */
export const onStandingEvents = () =>
  standingConsumers('bid', async (tx: Transaction<Database>, updates) => {
    const deleted = updates.filter(({ standing }) => standing === 'deleted')
    const userIds = deleted.map(({ userId }) => userId)
    // A block that is written just now is either forgotten here, or sees that the account is gone.
    if (userIds.length > 0) await lockAccounts(tx, userIds, 'exclusive')
    await putStandings(tx, updates)
    if (userIds.length === 0) return
    await forgetBlocksOf(tx, userIds)
    await forgetOptOuts(tx, userIds)
  })
