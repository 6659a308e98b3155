import {
  itemCancelled,
  itemCreated,
  itemDeleted,
  itemEnded,
  itemExpired,
  itemExtended,
  itemPublished,
  itemReleased,
  itemRelisted,
  itemRemoved,
  itemReserved,
  itemRestored,
  itemSold,
  itemStarted,
  itemUnsold,
  itemUpdated,
  itemWatchedRelisted,
} from '@auction/common/contracts/auction.ts'
import {
  createEvent,
  type EventContext,
  type OutboxEvent,
} from '@auction/common/contracts/event.ts'
import { formatAmount } from '@auction/common/money.ts'
import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import type { LotEnd } from '#src/domain/bid-fold.ts'
import { effectiveThresholdMinutes, hardEndDate, type Item, isOpen } from '#src/domain/item.ts'
import type { ReadItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Something that happened to an item; its event shows the item right after that. */
export type ItemEvent =
  | { kind: 'created' | 'deleted' | 'published' | 'started' }
  | { kind: 'ended' | 'sold' | 'unsold' | 'expired' | 'cancelled' | 'restored' }
  | { kind: 'relisted'; next: Pick<Item, 'id' | 'round' | 'currentEndDate'>; isAutomatic: boolean }
  | { kind: 'watched_relisted'; next: Pick<Item, 'id' | 'currentEndDate'>; userIds: string[] }
  | { kind: 'reserved'; until: Date }
  | { kind: 'released' }
  | { kind: 'removed'; reason: string }
  | { kind: 'updated'; changedFields: readonly string[] }
  | ({
      kind: 'extended'
      bidId: string | undefined
      sequence: number
      /** Why, when it was no bid. */
      reason?: string
    } & LotEnd)

export interface ItemEvents {
  /**
   * Writes events to the outbox, in the transaction that holds the item's lock. `read` is the item
   * after the change, whose event counter has moved on by the number of these events.
   */
  emit(
    tx: Transaction<Database>,
    read: ReadItem,
    trace: Trace,
    events: readonly ItemEvent[],
    causationId?: string,
  ): Promise<void>
  /** That an item went on as `next`, and those who watch it, some to an event. */
  ofRelist(next: Item, isAutomatic: boolean, watcherIds: readonly string[]): ItemEvent[]
  /** The first event of many new items, some to a row of the outbox. */
  emitCreated(tx: Transaction<Database>, reads: readonly ReadItem[], trace: Trace): Promise<void>
}

// A row of the outbox is published as a whole, so a long one would delay the others.
const EVENTS_PER_ROW = 50
const WATCHERS_PER_EVENT = 500

export interface ItemEventsOptions {
  legacyAlias: boolean
}

/** The item events of this service, numbered without gaps per item. */
export function createItemEvents({ legacyAlias }: ItemEventsOptions): ItemEvents {
  return {
    async emit(tx, { item, now, eventSequence }, trace, events, causationId) {
      const first = Number(eventSequence) - events.length + 1
      const rows = events.map((event, index) =>
        toOutboxEvent(item, now, event, {
          aggregateId: item.id,
          sequence: first + index,
          trace,
          legacyAlias,
          ...(causationId === undefined ? {} : { causationId }),
        }),
      )
      await writeOutbox(tx, rows)
    },
    ofRelist(next, isAutomatic, watcherIds) {
      const happened: ItemEvent[] = [{ kind: 'relisted', next, isAutomatic }]
      for (let at = 0; at < watcherIds.length; at += WATCHERS_PER_EVENT) {
        const userIds = watcherIds.slice(at, at + WATCHERS_PER_EVENT)
        happened.push({ kind: 'watched_relisted', next, userIds })
      }
      return happened
    },
    async emitCreated(tx, reads, trace) {
      const rows = reads.map(({ item, now, eventSequence }) => {
        const sequence = Number(eventSequence)
        const about = { aggregateId: item.id, sequence, trace, legacyAlias }
        return toOutboxEvent(item, now, { kind: 'created' }, about)
      })
      for (let at = 0; at < rows.length; at += EVENTS_PER_ROW) {
        await writeOutbox(tx, rows.slice(at, at + EVENTS_PER_ROW))
      }
    },
  }
}

function toOutboxEvent(
  item: Item,
  now: Date,
  event: ItemEvent,
  context: EventContext,
): OutboxEvent {
  const { id, sellerId } = item
  const endReason = item.endReason ?? 'unknown'
  switch (event.kind) {
    case 'created':
      return createEvent(itemCreated, context, {
        ...description(item),
        createdAt: item.createdAt.toISOString(),
      })
    case 'updated':
      return createEvent(itemUpdated, context, {
        ...description(item),
        ...(item.endPrice === null
          ? {}
          : { endPrice: formatAmount(item.endPrice, item.currencyCode) }),
        updatedAt: item.updatedAt.toISOString(),
        changedFields: [...event.changedFields],
      })
    case 'deleted':
      return createEvent(itemDeleted, context, { id, sellerId, deletedAt: now.toISOString() })
    case 'published':
      return createEvent(itemPublished, context, schedule(item))
    case 'started':
      return createEvent(itemStarted, context, schedule(item))
    case 'extended':
      return createEvent(itemExtended, context, {
        id,
        endDate: event.endDate.toISOString(),
        originalEndDate: item.endDate.toISOString(),
        hardEndDate: hardEndDate(item).toISOString(),
        ...(event.bidId === undefined ? {} : { bidId: event.bidId }),
        ...(event.reason === undefined ? {} : { reason: event.reason }),
        ...(event.extensionCount === null ? {} : { extensionCount: event.extensionCount }),
        sequence: event.sequence,
      })
    case 'reserved':
      return createEvent(itemReserved, context, {
        id,
        sellerId,
        reservedUntil: event.until.toISOString(),
      })
    case 'released':
      return createEvent(itemReleased, context, {
        id,
        sellerId,
        endDate: item.currentEndDate.toISOString(),
      })
    case 'ended':
      return createEvent(itemEnded, context, {
        id,
        outcome: item.outcome ?? 'unknown',
        endDate: item.currentEndDate.toISOString(),
        endReason,
        bidCount: item.bidCount,
        reserveMet: item.reserveMet,
      })
    case 'sold':
      return createEvent(itemSold, context, { id, sellerId, ...sale(item), endReason })
    case 'unsold':
      return createEvent(itemUnsold, context, { id, sellerId, reason: endReason })
    case 'relisted':
      return createEvent(itemRelisted, context, {
        id,
        sellerId,
        newItemId: event.next.id,
        round: event.next.round,
        isAutomatic: event.isAutomatic,
        endDate: event.next.currentEndDate.toISOString(),
      })
    case 'watched_relisted':
      return createEvent(itemWatchedRelisted, context, {
        id,
        newItemId: event.next.id,
        userIds: event.userIds,
        endDate: event.next.currentEndDate.toISOString(),
      })
    case 'expired':
      return createEvent(itemExpired, context, { id, sellerId, reason: endReason })
    case 'removed':
      return createEvent(itemRemoved, context, { id, sellerId, reason: event.reason })
    case 'restored':
      return createEvent(itemRestored, context, { id, sellerId, reason: endReason })
    case 'cancelled':
      return createEvent(itemCancelled, context, { id, sellerId, reason: endReason })
  }
}

function schedule(item: Item) {
  return {
    id: item.id,
    sellerId: item.sellerId,
    startDate: item.startDate.toISOString(),
    endDate: item.currentEndDate.toISOString(),
    termsVersion: item.termsVersion,
  }
}

function sale({ id, buyerId, endPrice, currencyCode }: Item) {
  if (buyerId === null || endPrice === null)
    throw new Error(`item ${id} is sold without a buyer or price`)
  return { buyerId, endPrice: formatAmount(endPrice, currencyCode), currencyCode }
}

/** What the public may know of an item: of the reserve only that there is one. */
function description(item: Item) {
  const money = (minor: bigint) => formatAmount(minor, item.currencyCode)
  return {
    id: item.id,
    sellerId: item.sellerId,
    name: item.name,
    description: item.description,
    currencyCode: item.currencyCode,
    startPrice: money(item.startPrice),
    currentPrice: money(item.currentPrice),
    ...(item.bidIncrement === null ? {} : { bidIncrement: money(item.bidIncrement) }),
    ...(item.buyoutPrice === null ? {} : { buyoutPrice: money(item.buyoutPrice) }),
    hasReserve: item.reservePrice !== null,
    buyNowAvailable: isOpen(item.status) && item.buyNowAvailable,
    startDate: item.startDate.toISOString(),
    endDate: item.currentEndDate.toISOString(),
    status: item.status,
    type: item.type,
    quantity: 1,
    termsVersion: item.termsVersion,
    ...(item.relistOf === null ? {} : { relistOf: item.relistOf }),
    extensionThresholdMinutes: effectiveThresholdMinutes(item),
    extensionDurationMinutes: item.extensionDurationMinutes,
    maxExtensionMinutes: item.maxExtensionMinutes,
  }
}
