import type { OutboxEvent } from '@auction/common/contracts/event.ts'
import { isStalePlan, isUnavailable } from '@auction/common/http/errors.ts'
import { formatAmount, parseAmount } from '@auction/common/money.ts'
import { wakeRelay } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import type { DecidedBid, DecidedRequest, RecordedPurchase } from '#src/domain/bid-record.ts'
import {
  type ClockReading,
  monotonicAtClock,
  monotonicBySecond,
  onTheWayMs,
  UNSURE_MS,
} from '#src/domain/deciding-time.ts'
import {
  type BidAmount,
  type BidderStanding,
  type HeldDeposit,
  judge,
  judgePurchase,
  type Refusal,
} from '#src/domain/judge.ts'
import type { ReleaseEntry } from '#src/domain/ledger.ts'
import { announcedMinimum, isBuyNowOpen, isLapsed, type Lot } from '#src/domain/lot.ts'
import type { BidSettings } from '#src/domain/settings.ts'
import {
  type BatchWrite,
  beginWithFreeLots,
  beginWithLot,
  commitBatch,
  type LockedLots,
  readClockAndRepeats,
  readServerClock,
} from '#src/infra/postgres/bid-batch.ts'
import { readHeldDeposits } from '#src/infra/postgres/held-deposits.ts'
import { type LotTrace, putLotTraces, recordedTraces } from '#src/infra/postgres/lot-traces.ts'
import {
  type FormerPurchases,
  type PurchasesWrite,
  readFormerPurchases,
} from '#src/infra/postgres/purchases.ts'
import { hasKey, type KeyedRefusal } from '#src/infra/postgres/refusals.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BatchAnswer, BidCommand, LotCommand, PurchaseCommand } from './bid-command.ts'
import type { BidEvents } from './bid-events.ts'
import type { BidderNumbers } from './bidder-numbers.ts'
import type { Confirmations } from './confirmation.ts'
import { acceptedRecord, counterBids, purchaseRecord, refusedRecord } from './decided-records.ts'
import { isoInstant } from './lot-view.ts'

export interface DecideDependencies {
  /** For the batches. */
  pool: Pool
  /** For waking the relay after a commit. */
  db: Kysely<Database>
  settings: BidSettings
  confirmations: Confirmations
  numbers: BidderNumbers
  events: BidEvents
  /** A bid that waited longer is not decided. */
  waitMaxMs: number
  observe?: { decided(outcome: string, seconds: number): void }
}

/** So long a bid may wait for its decision: the closer waits exactly as long (R-BID-10). */
export const WAIT_MAX_MS = 2_000

// A batch waits for no lot. What is left to wait for is a key that another transaction is writing,
// for a bid on another lot.
const BATCH_LOCK_TIMEOUT_MS = 500
// So much longer than a bid may wait a lane waits for its lot, because one that gives up loses its place
// among the replicas that wait for the same lot. Then it is free for another held lot.
const LANE_LOCK_GRACE_MS = 500

interface Batch {
  nowMs: number
  /** Monotonic time of this process when that clock was read. */
  monotonicMs: number
  barredIds: ReadonlySet<string>
  isBlocked(sellerId: string, bidderId: string): boolean
  /** By item and bidder; undefined in a batch whose lots want no deposit. */
  deposits: ReadonlyMap<string, readonly HeldDeposit[]> | undefined
  lots: Map<string, Lot>
  changed: Set<string>
  /** Numbers of this batch's bidders, new ones included, by item and bidder. */
  numbers: Map<string, number>
  repeats: Map<string, DecidedRequest>
  /** What purchases need to know; undefined in a batch without one. */
  former: FormerPurchases | undefined
  /** Bidder and key of every stored answer to a request with a key. */
  usedKeys: Set<string>
  write: BatchWrite
  refusals: KeyedRefusal[]
  purchases: RecordedPurchase[]
  released: { itemId: string; entry: ReleaseEntry }[]
  events: OutboxEvent[]
}

/**
 * Decides a batch in one transaction: lock those of its lots that are free, read the clock in the
 * next statement, judge every bid in arrival order in memory, write everything in one statement
 * and commit. Bids on lots that another transaction holds are left for `decideHeldLot`. Throws when
 * nothing was committed, or when a lost connection leaves that unknown.
 */
export function decideBatch(
  dependencies: DecideDependencies,
  commands: LotCommand[],
): Promise<BatchAnswer[]> {
  const itemIds = [...new Set(commands.map(({ itemId }) => itemId))].sort()
  return inTransaction(dependencies, async (client) => {
    const locked = await beginWithFreeLots(client, itemIds, BATCH_LOCK_TIMEOUT_MS)
    return decideLocked(client, dependencies, commands, locked)
  })
}

/**
 * Waits for the lock of one lot and decides, in the same way, what `take` returns once it has it:
 * bids that came meanwhile are among them, and those that grew too old are not.
 */
export function decideHeldLot(
  dependencies: DecideDependencies,
  itemId: string,
  take: () => LotCommand[],
): Promise<BatchAnswer[]> {
  const lockTimeoutMs = dependencies.waitMaxMs + LANE_LOCK_GRACE_MS
  return inTransaction(dependencies, async (client) => {
    const locked = await beginWithLot(client, itemId, lockTimeoutMs)
    return decideLocked(client, dependencies, take(), locked)
  })
}

interface Decided {
  commands: LotCommand[]
  answers: BatchAnswer[]
  write: BatchWrite
  refusals: KeyedRefusal[]
  /** Null when no lot was bought, reserved or released. */
  purchases: PurchasesWrite | null
  /** Of bids whose traces are recorded: almost always none. */
  traces: LotTrace[]
}

/** Runs `decideAll`, which begins a transaction, and commits what it decided. */
async function inTransaction(
  dependencies: DecideDependencies,
  decideAll: (client: PoolClient) => Promise<Decided>,
): Promise<BatchAnswer[]> {
  const client = await dependencies.pool.connect()
  let failure: Error | undefined
  try {
    const { commands, answers, write, refusals, purchases, traces } = await decideAll(client)
    await commitBatch(client, write, refusals, purchases)
    dependencies.numbers.remember(write.bidders)
    observeDecisions(dependencies, commands, answers)
    if (write.outbox !== null) wakeRelay(dependencies.db)
    // Beside the answer, which must not wait for it: without it a trace has one link less.
    if (traces.length > 0) void putLotTraces(dependencies.db, traces).catch(() => undefined)
    return answers
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
    throw error
  } finally {
    if (failure !== undefined) await rollback(client, failure)
    else client.release()
  }
}

async function decideLocked(
  client: PoolClient,
  dependencies: DecideDependencies,
  commands: LotCommand[],
  { lots, held }: LockedLots,
): Promise<Decided> {
  const free = commands.filter(({ itemId }) => !held.has(itemId))
  if (free.length === 0) {
    const write: BatchWrite = { bids: [], lots: [], bidders: [], outbox: null }
    const answers = commands.map((): BatchAnswer => ({ kind: 'lot_held' }))
    return { commands, answers, write, refusals: [], purchases: null, traces: [] }
  }
  const batch = await openBatch(client, dependencies, free, lots)
  const answers = commands.map((command): BatchAnswer => {
    if (held.has(command.itemId)) return { kind: 'lot_held' }
    try {
      return decide(dependencies, batch, command)
    } catch (error) {
      return { kind: 'failed', error }
    }
  })
  const { write, refusals } = batch
  write.lots = [...batch.changed].flatMap((itemId) => batch.lots.get(itemId) ?? [])
  write.outbox = dependencies.events.outboxRow(batch.events)
  const traces = recordedTraces(batch.events)
  return { commands, answers, write, refusals, purchases: purchasesOf(batch), traces }
}

function purchasesOf({ purchases, released, lots, nowMs }: Batch): PurchasesWrite | null {
  if (purchases.length === 0 && released.length === 0) return null
  const itemIds = new Set([...purchases, ...released].map(({ itemId }) => itemId))
  const moved = [...itemIds].flatMap((itemId) => lots.get(itemId) ?? [])
  return { purchases, released, lots: moved, recordedAtMs: nowMs }
}

async function rollback(client: PoolClient, failure: Error): Promise<void> {
  // A lost or silent connection would answer a rollback no sooner than anything else; the server
  // rolls back by itself when it is closed.
  // One with a plan that a migration made invalid would fail every batch that comes to it.
  if (isUnavailable(failure) || isStalePlan(failure)) {
    client.release(failure)
    return
  }
  try {
    await client.query('rollback')
    client.release()
  } catch (error) {
    // A connection that cannot even roll back is closed instead of being given to the next batch.
    client.release(error instanceof Error ? error : true)
  }
}

/**
 * When a first statement was long on the way, its request may have been, and bids of the last moment
 * would be taken for late: a second reading under the same locks is better.
 */
async function monotonicOf(client: PoolClient, first: ClockReading): Promise<number> {
  if (onTheWayMs(first) <= UNSURE_MS) return monotonicAtClock(first)
  const sentAtMs = performance.now()
  const nowMs = await readServerClock(client)
  const answeredAtMs = performance.now()
  return monotonicBySecond(first, { sentAtMs, answeredAtMs, nowMs, doneMs: nowMs })
}

async function openBatch(
  client: PoolClient,
  { numbers }: DecideDependencies,
  commands: LotCommand[],
  lots: Map<string, Lot>,
): Promise<Batch> {
  // Held by the batch, so that nothing can remove a number while the statement runs.
  const known = rememberedNumbers(numbers, commands)
  const numberOf = (itemId: string, bidderId: string) => known.get(pairKey(itemId, bidderId))
  const sentAtMs = performance.now()
  const clock = await readClockAndRepeats(client, commands, lots, numberOf)
  const answeredAtMs = performance.now()
  const reading = { sentAtMs, answeredAtMs, nowMs: clock.nowMs, doneMs: clock.doneMs }
  for (const { itemId, bidderId, number } of clock.numbers)
    known.set(pairKey(itemId, bidderId), number)
  numbers.remember(clock.numbers)
  const buying = commands.filter(({ kind }) => kind === 'buy_now')
  const former = buying.length === 0 ? undefined : await readFormerPurchases(client, buying, lots)
  const depositing = commands.filter(({ itemId }) => (lots.get(itemId)?.deposit ?? null) !== null)
  const deposits =
    depositing.length === 0 ? undefined : await readHeldDeposits(client, depositing, pairKey)
  const repeats = new Map<string, DecidedRequest>()
  const usedKeys = new Set<string>()
  for (const record of [...clock.stored, ...(former?.stored ?? [])]) {
    if (record.idempotencyKey !== null) usedKeys.add(usedKey(record))
    const key = repeatKey(record, record.requestHash ?? '')
    // A former version did not know refusals that are stored apart, and may have accepted the same later.
    if (record.outcome !== 'refused' || !repeats.has(key)) repeats.set(key, record)
  }
  return {
    nowMs: clock.nowMs,
    monotonicMs: await monotonicOf(client, reading),
    barredIds: clock.barredIds,
    isBlocked: clock.isBlocked,
    deposits,
    lots,
    changed: new Set(),
    numbers: known,
    repeats,
    former,
    usedKeys,
    refusals: [],
    purchases: [],
    released: [],
    write: { bids: [], lots: [], bidders: [], outbox: null },
    events: [],
  }
}

const pairKey = (itemId: string, bidderId: string) => `${itemId} ${bidderId}`

function rememberedNumbers(
  numbers: BidderNumbers,
  commands: readonly LotCommand[],
): Map<string, number> {
  const known = new Map<string, number>()
  for (const { itemId, bidderId } of commands) {
    const number = numbers.of(itemId, bidderId)
    if (number !== undefined) known.set(pairKey(itemId, bidderId), number)
  }
  return known
}

interface Request {
  bidderId: string
  idempotencyKey: string | null
}

/** By content, which finds a double click, and by key when there is one. */
const repeatKey = (request: Request, hash: string) => `${usedKey(request)} =${hash}`

const usedKey = ({ bidderId, idempotencyKey }: Request) => `${bidderId} #${idempotencyKey ?? ''}`

function decide(dependencies: DecideDependencies, batch: Batch, command: LotCommand): BatchAnswer {
  const hash = command.requestHash
  const key = repeatKey(command, hash)
  const stored = batch.repeats.get(key)
  const lot = batch.lots.get(command.itemId)
  if (stored === undefined && batch.usedKeys.has(usedKey(command))) return { kind: 'key_reused' }
  if (stored !== undefined) {
    if (lot === undefined) return { kind: 'key_reused' }
    return { kind: 'decided', record: stored, currencyCode: lot.currencyCode, isRepeat: true }
  }
  if (lot === undefined) return { kind: 'lot_not_found' }
  const waitedMs = batch.monotonicMs - command.receivedAtMs
  if (waitedMs > dependencies.waitMaxMs) return { kind: 'waited_too_long' }
  // Ends are whole milliseconds, so rounding down never moves a bid across one; it makes the replay
  // of the stored instant exact.
  const decidedAtMs = Math.floor(batch.nowMs - waitedMs)
  const record =
    command.kind === 'bid'
      ? judgeOne(dependencies, batch, command, lot, decidedAtMs)
      : buyOne(dependencies, batch, command, lot, decidedAtMs)
  // Only a key makes a refusal repeatable: without one, trying again after the price moved is a new bid.
  if (command.idempotencyKey !== null || record.outcome !== 'refused')
    batch.repeats.set(key, record)
  if (command.idempotencyKey !== null) batch.usedKeys.add(usedKey(command))
  return { kind: 'decided', record, currencyCode: lot.currencyCode, isRepeat: false }
}

function judgeOne(
  dependencies: DecideDependencies,
  batch: Batch,
  command: BidCommand,
  lot: Lot,
  decidedAtMs: number,
): DecidedBid {
  const { settings, events } = dependencies
  const maxAmount = readAmount(command.maxAmount, lot.currencyCode)
  const verdict = judge(
    lot,
    {
      bidId: command.bidId,
      bidderId: command.bidderId,
      bidderStanding: standingOf(batch, lot, command.bidderId),
      deposits: batch.deposits?.get(pairKey(command.itemId, command.bidderId)),
      bidderNumber: batch.numbers.get(pairKey(command.itemId, command.bidderId)),
      maxAmount,
      currencyCode: command.currencyCode,
      termsVersion: command.termsVersion,
      confirmed: isConfirmed(dependencies, batch, command, lot, maxAmount),
    },
    decidedAtMs,
    settings,
  )
  if (verdict.outcome === 'refused') {
    const { itemId, bidderId } = command
    const issueConfirmation = (price: bigint) =>
      typeof maxAmount === 'bigint'
        ? dependencies.confirmations.issue({ itemId, bidderId, maxAmount, price }, batch.nowMs)
        : undefined
    const refused = {
      maxAmount: typeof maxAmount === 'bigint' && maxAmount > 0n ? maxAmount : null,
      refusalCode: verdict.code,
      refusalDetails: answerDetails(verdict, lot, issueConfirmation),
      decidedAtMs,
    }
    const record = refusedRecord(command, refused, batch.nowMs)
    // Without a key no one can ask for it again, and a flood of it would fill the disk: it is only counted.
    if (hasKey(record)) batch.refusals.push(record)
    return record
  }
  const next = verdict.lot
  const minNext = announcedMinimum(next, settings) ?? null
  const record = acceptedRecord(command, verdict, minNext, batch.nowMs)
  const counters = counterBids(verdict, record)
  const isBuyNow = isBuyNowOpen(next, settings)
  const announced = events.ofBid(command, verdict, record, isBuyNow)
  const released = releasedBefore(dependencies, lot, verdict.released, command)
  // Only now is anything of the batch changed: what throws above leaves no trace of this bid.
  release(batch, command.itemId, verdict.released, released)
  batch.write.bids.push(record, ...counters)
  if (next.bidderCount > lot.bidderCount) {
    const { itemId, bidderId } = command
    batch.write.bidders.push({ itemId, bidderId, number: next.bidderCount })
    batch.numbers.set(pairKey(itemId, bidderId), next.bidderCount)
  }
  batch.lots.set(command.itemId, next)
  batch.changed.add(command.itemId)
  batch.events.push(...announced)
  return record
}

function buyOne(
  dependencies: DecideDependencies,
  batch: Batch,
  command: PurchaseCommand,
  lot: Lot,
  decidedAtMs: number,
): DecidedRequest {
  const { itemId, bidderId, bidId } = command
  const price =
    command.price === undefined ? undefined : readAmount(command.price, lot.currencyCode)
  // A reservation that lapsed a moment ago is not written down yet.
  const isLapsing = lot.reservedFor === bidderId && isLapsed(lot, decidedAtMs)
  const verdict = judgePurchase(
    lot,
    {
      purchaseId: bidId,
      buyerId: bidderId,
      buyerStanding: standingOf(batch, lot, bidderId),
      deposits: batch.deposits?.get(pairKey(itemId, bidderId)),
      price,
      termsVersion: command.termsVersion,
      lapsedReservations: (batch.former?.lapsed(itemId, bidderId) ?? 0) + (isLapsing ? 1 : 0),
    },
    decidedAtMs,
    dependencies.settings,
  )
  if (verdict.outcome === 'refused') {
    const refused = {
      maxAmount: null,
      refusalCode: verdict.code,
      refusalDetails: answerDetails(verdict, lot, () => undefined, 'price'),
      decidedAtMs,
    }
    const record = refusedRecord(command, refused, batch.nowMs)
    if (hasKey(record)) batch.refusals.push(record)
    return record
  }
  const record = purchaseRecord(command, verdict, batch.nowMs)
  const bidders = [
    ...(batch.former?.bidders.get(itemId) ?? []),
    ...batch.write.bidders.filter((each) => each.itemId === itemId).map((each) => each.bidderId),
  ]
  const announced = dependencies.events.ofPurchase(verdict, bidders, command.trace)
  const released = releasedBefore(dependencies, lot, verdict.released, command)
  // As for a bid: what throws above leaves no trace.
  release(batch, itemId, verdict.released, released)
  batch.purchases.push(record)
  batch.lots.set(itemId, verdict.lot)
  batch.changed.add(itemId)
  batch.events.push(...announced)
  return record
}

/** The event of a reservation that had lapsed when this request was decided; none when there was none. */
function releasedBefore(
  { events, settings }: DecideDependencies,
  lot: Lot,
  entry: ReleaseEntry | null,
  { trace }: LotCommand,
): OutboxEvent[] {
  return entry === null ? [] : [events.ofRelease(lot, entry, settings, trace)]
}

function release(
  batch: Batch,
  itemId: string,
  entry: ReleaseEntry | null,
  announced: OutboxEvent[],
): void {
  if (entry === null) return
  batch.released.push({ itemId, entry })
  batch.events.push(...announced)
}

function standingOf(batch: Batch, { sellerId }: Lot, bidderId: string): BidderStanding {
  if (batch.barredIds.has(bidderId)) return 'suspended'
  return batch.isBlocked(sellerId, bidderId) ? 'blocked_by_seller' : 'ok'
}

function readAmount(text: string, currencyCode: string): BidAmount {
  const parsed = parseAmount(text, currencyCode)
  return parsed.ok ? parsed.minor : { invalid: parsed.reason }
}

function isConfirmed(
  { confirmations }: DecideDependencies,
  batch: Batch,
  { confirmation, itemId, bidderId }: BidCommand,
  lot: Lot,
  maxAmount: BidAmount,
): boolean {
  if (confirmation === undefined || typeof maxAmount !== 'bigint') return false
  const price = lot.currentPrice ?? lot.startPrice
  return confirmations.isValid(confirmation, { itemId, bidderId, maxAmount, price }, batch.nowMs)
}

/** What the bidder reads of a refusal; undefined fields are left out. */
function answerDetails(
  { code, details }: Refusal,
  lot: Lot,
  issueConfirmation: (price: bigint) => string | undefined,
  field = 'maxAmount',
): Record<string, unknown> | null {
  const money = (minor: bigint) => formatAmount(minor, lot.currencyCode)
  const answer: Record<string, unknown> = {}
  if (details.reason !== undefined) Object.assign(answer, { field, reason: details.reason })
  if (details.startsAtMs !== undefined) answer.startDate = isoInstant(details.startsAtMs)
  if (details.endsAtMs !== undefined) answer.endDate = isoInstant(details.endsAtMs)
  if (details.currencyCode !== undefined) answer.currencyCode = details.currencyCode
  if (details.termsVersion !== undefined) answer.termsVersion = details.termsVersion
  if (details.buyNowPrice !== undefined) answer.buyoutPrice = money(details.buyNowPrice)
  if (details.reservedUntilMs !== undefined)
    answer.reservedUntil = isoInstant(details.reservedUntilMs)
  if (details.deposit !== undefined) {
    Object.assign(answer, { deposit: money(details.deposit), currencyCode: lot.currencyCode })
  }
  if (details.minNextBid !== undefined) answer.minNextBid = money(details.minNextBid)
  if (code === 'bid.confirmation_required') {
    const price = details.price ?? lot.startPrice
    answer.price = money(price)
    answer.confirmation = issueConfirmation(price)
  }
  return Object.keys(answer).length === 0 ? null : answer
}

/** Undefined for a bid without a decision: the queue counts it when it gives up. */
function outcomeOf(answer: BatchAnswer): string | undefined {
  if (answer.kind === 'lot_held' || answer.kind === 'failed') return undefined
  if (answer.kind !== 'decided') return answer.kind
  if (answer.isRepeat) return 'repeated'
  const { record } = answer
  return record.outcome === 'refused' ? record.refusalCode : record.outcome
}

function observeDecisions(
  { observe }: DecideDependencies,
  commands: LotCommand[],
  answers: BatchAnswer[],
): void {
  if (observe === undefined) return
  const nowMs = performance.now()
  for (const [index, answer] of answers.entries()) {
    const outcome = outcomeOf(answer)
    const receivedAtMs = commands[index]?.receivedAtMs ?? nowMs
    if (outcome !== undefined) observe.decided(outcome, (nowMs - receivedAtMs) / 1000)
  }
}
