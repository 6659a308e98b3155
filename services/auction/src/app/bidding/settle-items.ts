import { PermanentError } from '@auction/common/rabbitmq/consumer.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import type { ItemEvent, ItemEvents } from '#src/app/item/item-events.ts'
import {
  type Closing,
  type SettlementState,
  settle,
  type Transition,
  type Win,
} from '#src/domain/settlement.ts'
import { lockSettlements, updateSettlement } from '#src/infra/postgres/bidding/settlements.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** What an event of the bid service says about the end of an item. */
export interface EndingFact {
  itemId: string
  /** Of the message, for the events it causes. */
  id: string
  trace: Trace
  /** Undefined when the publisher names no currency: then it is the item's. */
  currencyCode: string | undefined
  read(currencyCode: string): Closing | Win
}

/**
 * Folds facts about endings into their items and publishes each transition once, in the same
 * transaction. The items are locked in the order of their ids.
 */
export async function settleItems(
  tx: Transaction<Database>,
  events: ItemEvents,
  facts: readonly EndingFact[],
): Promise<void> {
  const items = await lockSettlements(tx, [...new Set(facts.map(({ itemId }) => itemId))])
  const changed = new Map<string, { transitions: Transition[]; cause: EndingFact }>()
  const states = new Map<string, SettlementState>(items)
  for (const fact of facts) {
    const item = items.get(fact.itemId)
    const state = states.get(fact.itemId)
    if (item === undefined || state === undefined) {
      throw new Error(`item ${fact.itemId} is not known or not published`)
    }
    const ending = read(fact, item.currencyCode)
    refuseImpossible(ending, state, item.sellerId)
    const settled = settle(state, ending)
    if (settled.state === state) continue
    states.set(fact.itemId, settled.state)
    const known = changed.get(fact.itemId)
    if (known === undefined) {
      changed.set(fact.itemId, { transitions: [...settled.transitions], cause: fact })
    } else known.transitions.push(...settled.transitions)
  }
  for (const [itemId, { transitions, cause }] of changed) {
    const state = states.get(itemId)
    if (state === undefined) continue
    const after = await updateSettlement(tx, itemId, state, transitions.length)
    const happened = transitions.map((kind) => toItemEvent(kind, state))
    await events.emit(tx, after, cause.trace, happened, cause.id)
  }
}

function toItemEvent(kind: Transition, { final, closedSequence }: SettlementState): ItemEvent {
  if (kind !== 'extended') return { kind }
  const { endDate, extensionCount } = final
  return { kind, bidId: undefined, endDate, extensionCount, sequence: Number(closedSequence) }
}

function read(fact: EndingFact, currencyCode: string): Closing | Win {
  if (fact.currencyCode !== undefined && fact.currencyCode !== currencyCode) {
    throw new PermanentError(
      `item ${fact.itemId} is sold in ${currencyCode}, not ${fact.currencyCode}`,
    )
  }
  return fact.read(currencyCode)
}

/** A fact that contradicts what is known becomes a dead letter: an operator must decide. */
function refuseImpossible(ending: Closing | Win, state: SettlementState, sellerId: string): void {
  if (ending.kind !== 'win') return
  if (ending.buyerId === sellerId) throw new PermanentError('the seller cannot win their own item')
  const isSameRound = ending.round === null || ending.round === state.round
  if (isSameRound && state.buyerId !== null && state.buyerId !== ending.buyerId) {
    throw new PermanentError('the item has another winner already')
  }
}
