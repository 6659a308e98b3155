import { isDeepStrictEqual } from 'node:util'
import { isUnavailable, ServiceError } from '@auction/common/http/errors.ts'
import { newId } from '@auction/common/ids.ts'
import { lesser } from '@auction/common/money.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import type { ItemEvents } from '#src/app/item/item-events.ts'
import { notFoundOrForbidden } from '#src/app/item/not-found-or-forbidden.ts'
import { type PushDependencies, pushTerms } from '#src/app/lot-terms/push-terms.ts'
import type { Item, ItemContent } from '#src/domain/item.ts'
import {
  type ListingInput,
  type ListingLimits,
  listingProblem,
  readChanged,
} from '#src/domain/listing.ts'
import { isOver, loweredPrice, nextRound } from '#src/domain/relist.ts'
import { relistErrors } from '#src/errors.ts'
import type { ItemImage } from '#src/infra/postgres/images/item-images.ts'
import {
  lockOwnItem,
  publishItem,
  type ReadItem,
  readItem,
} from '#src/infra/postgres/item/items.ts'
import {
  adoptNewItem,
  deleteRelist,
  endRelist,
  finishRelist,
  hasLeft,
  insertRelist,
  insertRound,
  type Relist,
  readRelist,
  readWatcherIds,
} from '#src/infra/postgres/relisting/relists.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { type CopyDependencies, copyObjects, keepCopies } from './copy-images.ts'

export interface RelistDependencies extends PushDependencies, CopyDependencies {
  events: ItemEvents
  limits: ListingLimits
  observe?: { relisted(isAutomatic: boolean): void }
}

/** What a seller changes for the new round. */
export type RelistChanges = Partial<
  Pick<ListingInput, 'startPrice' | 'bidIncrement' | 'reservePrice' | 'buyoutPrice'>
>

export interface RelistCommand {
  itemId: string
  sellerId: string
  isAutomatic: boolean
  changes: RelistChanges
  key: string | null
  trace: Trace
}

export type RelistResult =
  | { kind: 'relisted'; read: ReadItem; isRepeat: boolean }
  | { kind: 'refused' }
  /** An automatic one: bid is to be asked again then, or in a while. */
  | { kind: 'later'; notBefore: Date | undefined }
  /** A moderator hides the item. The sweeper finishes it when it is shown again. */
  | { kind: 'held' }
  /** Bid did not answer. The sweeper finishes it. */
  | { kind: 'unknown' }

/**
 * Puts an item that is over up for auction again, as an item of its own (R-RELIST-1). The intent is committed first. Bid decides
 * under the lock of the lot, for an offer of it may be accepted at this moment, and withdraws what is offered; then the new
 * item is stored and its terms are pushed.
 */
export async function relistItem(
  dependencies: RelistDependencies,
  command: RelistCommand,
): Promise<RelistResult> {
  const relist = await dependencies.db
    .transaction()
    .execute((tx) => recordIntent(tx, dependencies, command))
  if (relist === 'held') return { kind: 'held' }
  if (relist.isDone) {
    const read = await readItem(dependencies.db, relist.newItemId)
    // Its seller left before it was stored.
    if (read === undefined) throw relistErrors.notRelistable()
    return { kind: 'relisted', read, isRepeat: true }
  }
  const result = await carryOut(dependencies, relist)
  if (isSame(relist, command)) return result
  // Another one was under way. It is done without what this one changes, or it came to nothing and this one has its turn.
  if (result.kind === 'relisted') {
    throw relistErrors.notRelistable({ newItemId: result.read.item.id })
  }
  if (result.kind === 'later' || result.kind === 'refused') {
    return relistItem(dependencies, command)
  }
  return result
}

/** Whether a relist that is stored is what is asked for. A worker that finds one finishes it in any case. */
const isSame = (known: Relist, { isAutomatic, changes, key }: RelistCommand) =>
  isAutomatic ||
  (!known.isAutomatic &&
    known.idempotencyKey === key &&
    isDeepStrictEqual(known.changes, { ...changes }))

async function recordIntent(
  tx: Transaction<Database>,
  { limits }: RelistDependencies,
  command: RelistCommand,
): Promise<Relist | 'held'> {
  const { itemId, sellerId, isAutomatic, changes, key, trace } = command
  const read = await lockOwnItem(tx, itemId, sellerId)
  if (read === undefined) throw await notFoundOrForbidden(tx, itemId, relistErrors.notFound)
  const { item, now } = read
  const known = await readRelist(tx, itemId)
  if (known !== undefined) {
    // A relist that is under way is finished by every request that comes; what is done is repeated for its key alone, if the
    // request is the same.
    if (!known.isDone || (key !== null && isSame(known, command))) return known
    throw relistErrors.notRelistable({ newItemId: known.newItemId })
  }
  if (item.relistedAs !== null) throw relistErrors.notRelistable({ newItemId: item.relistedAs })
  // It was taken before a moderator hid it, and is taken again when it is shown.
  if (isAutomatic && item.status === 'removed') return 'held'
  if (!isOver(item.status) || (isAutomatic && (await hasLeft(tx, sellerId)))) {
    throw relistErrors.notRelistable({ status: item.status })
  }
  const content = contentOf(item, { isAutomatic, changes }, now)
  // What was listed before may stay as it is when the operator offers that no more.
  const problem = listingProblem(content, { ...limits, isReservingOffered: true, durationMinMs: 0 })
  if (problem !== undefined) throw relistErrors.invalid({ ...problem })
  const relist = { itemId, newItemId: newId(), isAutomatic, changes, idempotencyKey: key, trace }
  await insertRelist(tx, relist)
  return { ...relist, isDone: false }
}

/** What the new round is about. Throws what is wrong with a change. */
function contentOf(
  item: Item,
  { isAutomatic, changes }: Pick<Relist, 'isAutomatic' | 'changes'>,
  now: Date,
): ItemContent {
  const next = nextRound(item, now)
  if (isAutomatic) {
    const startPrice = loweredPrice(item.startPrice, item.relistPriceDropPercent)
    // A deposit is never more than the start price.
    const { depositAmount: deposit } = item
    const depositAmount = deposit === null ? null : lesser(deposit, startPrice)
    return { ...next, startPrice, depositAmount }
  }
  const read = readChanged(next, changes as RelistChanges)
  if (!read.ok) throw relistErrors.invalid({ field: read.field, reason: read.reason })
  return read.content
}

/**
 * Asks bid and does what it answers. The same relist again is harmless. A lot that bid has allowed to go on as another item, which
 * was never stored because its intent is gone, goes on as that one.
 */
export async function carryOut(
  dependencies: RelistDependencies,
  intent: Relist,
): Promise<RelistResult> {
  const { db, terms, log, observe } = dependencies
  const { itemId, newItemId, isAutomatic, trace } = intent
  let relist = intent
  let copies: Awaited<ReturnType<typeof copyObjects>>
  try {
    const verdict = await terms.relist(itemId, { newItemId, isAutomatic }, trace)
    if (verdict.kind === 'refused' && verdict.newItemId !== undefined) {
      await adoptNewItem(db, intent, verdict.newItemId)
      relist = { ...intent, newItemId: verdict.newItemId }
    } else if (verdict.kind !== 'relisted') {
      await deleteRelist(db, intent)
      return verdict
    }
    copies = await copyObjects(dependencies, relist)
  } catch (error) {
    if (!(error instanceof ServiceError) && !isUnavailable(error)) throw error
    log.warn({ err: error, itemId, newItemId }, 'relist unconfirmed, will be finished')
    return { kind: 'unknown' }
  }
  if (copies === 'held') return { kind: 'held' }
  const kept = copies
  const stored = await outboxTransaction(db, (tx) => storeRound(tx, dependencies, relist, kept))
  if (stored === 'held') return { kind: 'held' }
  if (stored === 'left') return { kind: 'refused' }
  const { read, isRepeat } = stored
  if (!isRepeat) observe?.relisted(isAutomatic)
  await pushTerms(dependencies, read.item, trace)
  return { kind: 'relisted', read, isRepeat }
}

async function storeRound(
  tx: Transaction<Database>,
  { events }: RelistDependencies,
  relist: Relist,
  copies: readonly ItemImage[],
): Promise<{ read: ReadItem; isRepeat: boolean } | 'held' | 'left'> {
  const { itemId, newItemId, isAutomatic, trace } = relist
  const old = await readItem(tx, itemId)
  const locked = old && (await lockOwnItem(tx, itemId, old.item.sellerId))
  if (locked === undefined) throw new Error(`item ${itemId} is gone`)
  const { item, now } = locked
  if (item.relistedAs !== null) {
    const read = await readItem(tx, item.relistedAs)
    if (read === undefined) throw new Error(`item ${item.relistedAs} is gone`)
    // It was stored for an intent that is gone, and this one came after that: it would be asked about for ever.
    await endRelist(tx, { itemId, newItemId: item.relistedAs })
    return { read, isRepeat: true }
  }
  // Bid's answer may be old. No round of an item is published that is hidden by now, and none of a seller who has left.
  if (!isOver(item.status)) return 'held'
  if (await hasLeft(tx, item.sellerId)) {
    await endRelist(tx, relist)
    return 'left'
  }
  const draft = await insertRound(tx, {
    newItemId,
    itemId,
    sellerId: item.sellerId,
    round: item.round + 1,
    content: contentOf(item, relist, now),
    plan: {
      autoRelists: isAutomatic ? Math.max(0, item.autoRelists - 1) : item.autoRelists,
      relistPriceDropPercent: item.relistPriceDropPercent,
    },
  })
  await events.emit(tx, draft, trace, [{ kind: 'created' }])
  await keepCopies(tx, newItemId, copies)
  const read = await publishItem(tx, newItemId, 'active', 2)
  await events.emit(tx, read, trace, [
    { kind: 'published' },
    { kind: 'updated', changedFields: ['status'] },
  ])
  const watched = await readWatcherIds(tx, itemId)
  const happened = events.ofRelist(read.item, isAutomatic, watched)
  const after = await finishRelist(tx, relist, happened.length)
  await events.emit(tx, after, trace, happened)
  return { read, isRepeat: false }
}
