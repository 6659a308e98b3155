import { randomUUID } from 'node:crypto'
import { bidClosed, bidPlaced, bidReserveMet, bidWon } from '@auction/common/contracts/bid.ts'
import {
  createEvent,
  type EventContract,
  type OutboxEvent,
  readEvent,
} from '@auction/common/contracts/event.ts'
import type { Delivery, ProjectionConsumer } from '@auction/common/rabbitmq/consumer.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import type { Static, TObject } from 'typebox'
import { createConsumers } from '#src/app/consumers.ts'
import type { FinishDependencies } from '#src/app/lot-terms/finish-change.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** The events of one lot: one for each step, with the state right after it. */
export interface History {
  itemId: string
  events: OutboxEvent[]
}

export interface Step {
  price: string
  extended?: boolean
  meetsReserve?: boolean
}

const trace = ownTrace('test')

export function event<P extends TObject>(
  contract: EventContract<P>,
  itemId: string,
  payload: Static<P>,
  sequence?: number,
): OutboxEvent {
  const context = { aggregateId: itemId, trace }
  return createEvent(contract, sequence === undefined ? context : { ...context, sequence }, payload)
}

/** bid.placed of a lot in the state given. */
export function placed(
  itemId: string,
  sequence: number,
  state: Partial<Static<typeof bidPlaced.payload>> & { amount: string },
): OutboxEvent {
  const payload = {
    bidId: randomUUID(),
    itemId,
    userId: randomUUID(),
    currencyCode: 'USD',
    currentPrice: state.amount,
    bidCount: sequence,
    reserveMet: true,
    buyNowAvailable: false,
    endDate: new Date(Date.now() + 86_400_000).toISOString(),
    extended: false,
    sequence,
    ...state,
  }
  return event(bidPlaced, itemId, payload, sequence)
}

export interface HistoryOptions {
  itemId: string
  endDate: string
  steps: Step[]
  outcome: 'sold' | 'no_bids' | 'reserve_not_met' | 'cancelled'
  /** Of a cancellation. */
  bySeller?: boolean
  /** False: as a publisher that does not count extensions. */
  isCounting?: boolean
  /** Of a sale. */
  buyerId?: string
  round?: number
}

/** The events of a lot from its first bid to its end, as bid writes them. */
export function history(options: HistoryOptions): History {
  const { itemId, endDate, steps, outcome, buyerId = randomUUID(), round = 1 } = options
  const events: OutboxEvent[] = []
  let endsAtMs = Date.parse(endDate)
  let extensions = 0
  const counted = () => (options.isCounting === false ? {} : { extensionCount: extensions })
  let isMet = !steps.some(({ meetsReserve }) => meetsReserve) && outcome !== 'reserve_not_met'
  let price: string | undefined
  let sequence = 0
  for (const step of steps) {
    sequence += 1
    if (step.extended === true) {
      endsAtMs += 300_000
      extensions += 1
    }
    if (step.meetsReserve === true) isMet = true
    price = step.price
    events.push(
      placed(itemId, sequence, {
        amount: price,
        reserveMet: isMet,
        endDate: new Date(endsAtMs).toISOString(),
        extended: step.extended === true,
        ...counted(),
      }),
    )
    if (step.meetsReserve === true) {
      const payload = {
        itemId,
        currencyCode: 'USD',
        currentPrice: price,
        buyNowAvailable: false,
        sequence,
      }
      events.push(event(bidReserveMet, itemId, payload, sequence))
    }
  }
  const closing = {
    itemId,
    round,
    outcome,
    currencyCode: 'USD',
    bidCount: sequence,
    reserveMet: isMet,
    ...(price === undefined ? {} : { currentPrice: price }),
    ...(outcome === 'sold' && price !== undefined ? { finalAmount: price, winnerId: buyerId } : {}),
    ...(options.bySeller === undefined ? {} : { bySeller: options.bySeller }),
    endDate: new Date(endsAtMs).toISOString(),
    closedAt: new Date(endsAtMs + 2_000).toISOString(),
    ...counted(),
    sequence: sequence + 1,
  }
  events.push(event(bidClosed, itemId, closing, sequence + 1))
  if (outcome === 'sold' && price !== undefined) {
    const win = {
      itemId,
      buyerId,
      finalAmount: price,
      currencyCode: 'USD',
      round: 1,
      endReason: 'time',
    }
    events.push(event(bidWon, itemId, { ...win, sequence: sequence + 1 }, sequence + 1))
  }
  return { itemId, events }
}

/**
 * Hands events to their consumers as the broker's messages would come: one batch per kind. With `lost`
 * each is rolled back at its end, as when the process dies.
 */
export async function consume(
  { db, events: itemEvents }: Pick<FinishDependencies, 'events'> & { db: Kysely<Database> },
  events: readonly OutboxEvent[],
  fate: 'committed' | 'lost' = 'committed',
): Promise<void> {
  for (const consumer of createConsumers(itemEvents)) {
    const { contract, handle } = consumer as ProjectionConsumer<Database, TObject>
    const deliveries = events
      .filter(({ key }) => key === contract.key)
      .map((written): Delivery => {
        const read = readEvent(contract, Buffer.from(JSON.stringify(written.envelope)))
        return { ...(read as Delivery), trace }
      })
    if (deliveries.length === 0) continue
    const tx = await db.startTransaction().execute()
    try {
      await handle(tx, deliveries)
    } catch (error) {
      await tx.rollback().execute()
      throw error
    }
    await (fate === 'lost' ? tx.rollback() : tx.commit()).execute()
  }
}

/** Every order of a short list. */
export function permutations<T>(list: readonly T[]): T[][] {
  if (list.length <= 1) return [[...list]]
  return list.flatMap((first, index) =>
    permutations(list.filter((_, at) => at !== index)).map((rest) => [first, ...rest]),
  )
}
