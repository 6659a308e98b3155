import type { Transaction } from 'kysely'
import type { EventContract } from '../contracts/event.ts'
import { userDeleted, userReinstated, userSuspended } from '../contracts/identity.ts'
import { PermanentError, projection } from './consumer.ts'

export interface StandingUpdate {
  userId: string
  standing: 'ok' | 'suspended' | 'deleted'
  /** The version of the account at that event. */
  sequence: number
}

const BATCH_MAX = 100

type UserContract = typeof userSuspended | typeof userReinstated | typeof userDeleted

/**
 * Who may act, as identity publishes it: `put` stores each user at most once a batch, unless a newer sequence is
 * stored. Each event has a queue of its own, so a reinstatement may come before the suspension that it ends: only
 * the sequence says which of the two holds.
 */
export function standingConsumers<Schema>(
  consumer: string,
  put: (tx: Transaction<Schema>, updates: readonly StandingUpdate[]) => Promise<void>,
) {
  const of = (contract: UserContract, standing: StandingUpdate['standing']) =>
    projection({
      kind: 'projection',
      consumer,
      contract: contract as EventContract<typeof userDeleted.payload>,
      batchMax: BATCH_MAX,
      async handle(tx: Transaction<Schema>, deliveries) {
        const newest = new Map<string, StandingUpdate>()
        for (const { payload, sequence } of deliveries) {
          if (sequence === undefined) throw new PermanentError(`${contract.key} without a sequence`)
          const { userId } = payload
          if (sequence > (newest.get(userId)?.sequence ?? 0))
            newest.set(userId, { userId, standing, sequence })
        }
        await put(tx, [...newest.values()])
      },
    })
  return [of(userSuspended, 'suspended'), of(userReinstated, 'ok'), of(userDeleted, 'deleted')]
}
