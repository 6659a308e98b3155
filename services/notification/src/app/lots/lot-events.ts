import { bidClosed, bidExtended, bidPlaced } from '@auction/common/contracts/bid.ts'
import { projection } from '@auction/common/rabbitmq/consumer.ts'
import type { Transaction } from 'kysely'
import { foldStates, type LotState } from '#src/domain/lot-state.ts'
import { projectLots } from '#src/infra/postgres/lots/lots.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const BATCH_MAX = 500

const kind = { kind: 'projection', consumer: 'notification', batchMax: BATCH_MAX } as const

/** A bid: who leads, and when the lot ends. Bids without a sequence, as the original sends, say neither. */
export const onBidPlaced = () =>
  projection({
    ...kind,
    contract: bidPlaced,
    async handle(tx: Transaction<Database>, deliveries) {
      const states = deliveries.flatMap((delivery): LotState[] => {
        const { itemId, leaderId, endDate, sequence = delivery.sequence } = delivery.payload
        if (sequence === undefined) return []
        const result = { sequence, leaderId: leaderId ?? null, outcome: null }
        if (endDate === undefined) return [{ itemId, result }]
        return [{ itemId, result, end: { sequence, endsAt: new Date(endDate) } }]
      })
      if (states.length > 0) await projectLots(tx, foldStates(states))
    },
  })

/** A lot is closed: no one leads any more, and no notice of the bidding is true. */
export const onBidClosed = () =>
  projection({
    ...kind,
    contract: bidClosed,
    async handle(tx: Transaction<Database>, deliveries) {
      const states = deliveries.map(({ payload }): LotState => {
        const { itemId, winnerId, outcome, endDate, sequence } = payload
        return {
          itemId,
          result: { sequence, leaderId: winnerId ?? null, outcome },
          end: { sequence, endsAt: new Date(endDate) },
        }
      })
      await projectLots(tx, foldStates(states))
    },
  })

/** The end moved after an outage; bids before it may come later. */
export const onBidExtended = () =>
  projection({
    ...kind,
    contract: bidExtended,
    async handle(tx: Transaction<Database>, deliveries) {
      const states = deliveries.map(({ payload: { itemId, endDate, sequence } }): LotState => {
        return { itemId, end: { sequence, endsAt: new Date(endDate) } }
      })
      await projectLots(tx, foldStates(states))
    },
  })
