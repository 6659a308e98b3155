import type { OutboxEvent } from '@auction/common/contracts/event.ts'
import { isStalePlan, isUnavailable } from '@auction/common/http/errors.ts'
import { formatAmount, parseAmount } from '@auction/common/money.ts'
import { wakeRelay } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import type { Acceptance } from '#src/domain/accept.ts'
import type { AcceptedBid, CounterBid, DecidedBid, RefusedBid } from '#src/domain/bid-record.ts'
import {
  type ClockReading,
  monotonicAtClock,
  monotonicBySecond,
  onTheWayMs,
  UNSURE_MS,
} from '#src/domain/deciding-time.ts'
import { type BidAmount, type BidderStanding, judge, type Refusal } from '#src/domain/judge.ts'
import { announcedMinimum, isBuyNowOpen, type Lot } from '#src/domain/lot.ts'
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
import { hasKey, type KeyedRefusal } from '#src/infra/postgres/refusals.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BatchAnswer, BidCommand } from './bid-command.ts'
import type { BidEvents } from './bid-events.ts'
import type { BidderNumbers } from './bidder-numbers.ts'
import type { Confirmations } from './confirmation.ts'
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
  observe?: { decided(outcome: string, seconds: number): void }
}

/** A bid that waited longer is not decided: the closer waits exactly as long (R-BID-10). */
export const WAIT_MAX_MS = 2_000

// A batch waits for no lot. What is left to wait for is a key that another transaction is writing,
// for a bid on another lot.
const BATCH_LOCK_TIMEOUT_MS = 500
// After it the lane is free for another held lot. It is longer than a bid may wait, because a lane that
// gives up loses its place among the replicas that wait for the same lot.
const LANE_LOCK_TIMEOUT_MS = 2_500

interface Batch {
  nowMs: number
  /** Monotonic time of this process when that clock was read. */
  monotonicMs: number
  barredIds: ReadonlySet<string>
  isBlocked(sellerId: string, bidderId: string): boolean
  lots: Map<string, Lot>
  changed: Set<string>
  /** Numbers of this batch's bidders, new ones included, by item and bidder. */
  numbers: Map<string, number>
  repeats: Map<string, DecidedBid>
  /** Bidder and key of every stored answer to a request with a key. */
  usedKeys: Set<string>
  write: BatchWrite
  refusals: KeyedRefusal[]
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
  commands: BidCommand[],
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
  take: () => BidCommand[],
): Promise<BatchAnswer[]> {
  return inTransaction(dependencies, async (client) => {
    const locked = await beginWithLot(client, itemId, LANE_LOCK_TIMEOUT_MS)
    return decideLocked(client, dependencies, take(), locked)
  })
}

interface Decided {
  commands: BidCommand[]
  answers: BatchAnswer[]
  write: BatchWrite
  refusals: KeyedRefusal[]
}

/** Runs `decideAll`, which begins a transaction, and commits what it decided. */
async function inTransaction(
  dependencies: DecideDependencies,
  decideAll: (client: PoolClient) => Promise<Decided>,
): Promise<BatchAnswer[]> {
  const client = await dependencies.pool.connect()
  let failure: Error | undefined
  try {
    const { commands, answers, write, refusals } = await decideAll(client)
    await commitBatch(client, write, refusals)
    dependencies.numbers.remember(write.bidders)
    observeDecisions(dependencies, commands, answers)
    if (write.outbox !== null) wakeRelay(dependencies.db)
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
  commands: BidCommand[],
  { lots, held }: LockedLots,
): Promise<Decided> {
  const free = commands.filter(({ itemId }) => !held.has(itemId))
  if (free.length === 0) {
    const write: BatchWrite = { bids: [], lots: [], bidders: [], outbox: null }
    return { commands, answers: commands.map(() => ({ kind: 'lot_held' })), write, refusals: [] }
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
  return { commands, answers, write, refusals }
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
  commands: BidCommand[],
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
  const repeats = new Map<string, DecidedBid>()
  const usedKeys = new Set<string>()
  for (const record of clock.stored) {
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
    lots,
    changed: new Set(),
    numbers: known,
    repeats,
    usedKeys,
    refusals: [],
    write: { bids: [], lots: [], bidders: [], outbox: null },
    events: [],
  }
}

const pairKey = (itemId: string, bidderId: string) => `${itemId} ${bidderId}`

function rememberedNumbers(
  numbers: BidderNumbers,
  commands: readonly BidCommand[],
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

function decide(dependencies: DecideDependencies, batch: Batch, command: BidCommand): BatchAnswer {
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
  if (waitedMs > WAIT_MAX_MS) return { kind: 'waited_too_long' }
  // Ends are whole milliseconds, so rounding down never moves a bid across one; it makes the replay
  // of the stored instant exact.
  const decidedAtMs = Math.floor(batch.nowMs - waitedMs)
  const record = judgeOne(dependencies, batch, command, lot, decidedAtMs)
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
  // Only now is anything of the batch changed: what throws above leaves no trace of this bid.
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
): Record<string, unknown> | null {
  const money = (minor: bigint) => formatAmount(minor, lot.currencyCode)
  const answer: Record<string, unknown> = {}
  if (details.reason !== undefined)
    Object.assign(answer, { field: 'maxAmount', reason: details.reason })
  if (details.startsAtMs !== undefined) answer.startDate = isoInstant(details.startsAtMs)
  if (details.endsAtMs !== undefined) answer.endDate = isoInstant(details.endsAtMs)
  if (details.currencyCode !== undefined) answer.currencyCode = details.currencyCode
  if (details.termsVersion !== undefined) answer.termsVersion = details.termsVersion
  if (details.buyNowPrice !== undefined) answer.buyoutPrice = money(details.buyNowPrice)
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
  commands: BidCommand[],
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

type Refused = Pick<RefusedBid, 'maxAmount' | 'refusalCode' | 'refusalDetails' | 'decidedAtMs'>

/** The row of a bid that was judged and refused. */
function refusedRecord(command: BidCommand, refused: Refused, recordedAtMs: number): RefusedBid {
  return {
    bidId: command.bidId,
    itemId: command.itemId,
    bidderId: command.bidderId,
    outcome: 'refused',
    maxAmount: refused.maxAmount,
    refusalCode: refused.refusalCode,
    refusalDetails: refused.refusalDetails,
    idempotencyKey: command.idempotencyKey,
    requestHash: command.requestHash,
    decidedAtMs: refused.decidedAtMs,
    recordedAtMs,
  }
}

/** The row of an accepted bid, with the state of the lot right after it. */
function acceptedRecord(
  command: BidCommand,
  verdict: Acceptance,
  minNextBid: bigint | null,
  recordedAtMs: number,
): AcceptedBid {
  const { lot, ledger } = verdict
  const [entry] = ledger
  if (entry === undefined || !('bidId' in entry)) {
    throw new Error('an accepted bid must come first in its own ledger entries')
  }
  return {
    bidId: command.bidId,
    itemId: command.itemId,
    bidderId: command.bidderId,
    kind: verdict.kind,
    outcome: verdict.outcome,
    maxAmount: entry.maxAmount,
    price: entry.price,
    minNextBid,
    bidCount: lot.bidCount,
    reserveMet: lot.reserveMet,
    endsAtMs: lot.endsAtMs,
    extended: verdict.extended,
    sequence: lot.sequence,
    silentRaise: entry.silentRaise,
    idempotencyKey: command.idempotencyKey,
    requestHash: command.requestHash,
    decidedAtMs: entry.decidedAtMs,
    recordedAtMs,
  }
}

/** The incumbent's automatic counter-bid, as a row of its own that names the bid it answers. */
function counterBids(verdict: Acceptance, trigger: AcceptedBid): CounterBid[] {
  return verdict.ledger.flatMap((entry) =>
    entry.kind === 'auto'
      ? [
          {
            ...trigger,
            bidId: counterBidId(trigger.bidId),
            bidderId: entry.bidderId,
            kind: 'auto' as const,
            outcome: 'leading' as const,
            maxAmount: entry.price,
            triggerBidId: entry.triggerBidId,
            idempotencyKey: null,
            requestHash: null,
          },
        ]
      : [],
  )
}

/**
 * The id of a counter-bid follows from the bid it answers: version 8 in the place of 7, which no
 * other id of ours has, so it is unique without another random number.
 */
function counterBidId(triggerBidId: string): string {
  return `${triggerBidId.slice(0, 14)}8${triggerBidId.slice(15)}`
}
