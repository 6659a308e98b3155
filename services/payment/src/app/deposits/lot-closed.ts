import { bidClosed } from '@auction/common/contracts/bid.ts'
import { transactional } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { releaseLosers } from '#src/infra/postgres/deposits/deposits.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** A lot is over: who did not win it gets the deposit back. */
export const onLotClosed = ({ releasesPerSecond }: { releasesPerSecond: number }) =>
  transactional({
    kind: 'transactional',
    consumer: 'payment',
    contract: bidClosed,
    async handle(tx: Transaction<Database>, { payload: { itemId, outcome, winnerId } }) {
      const reason = outcome === 'cancelled' ? 'cancelled' : 'lost'
      await releaseLosers(tx, { itemId, winnerId, reason, perSecond: releasesPerSecond })
    },
  })
