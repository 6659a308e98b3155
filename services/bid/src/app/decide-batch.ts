import type { OutboxEvent } from '@auction/common/contracts/event.ts'
import { isUnavailable } from '@auction/common/http/errors.ts'
import { formatAmount, parseAmount } from '@auction/common/money.ts'
import { wakeRelay } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import type { Acceptance } from '#src/domain/accept.ts'
import type { AcceptedBid, CounterBid, DecidedBid, RefusedBid } from '#src/domain/bid-record.ts'
import { type BidAmount, type BidderStanding, judge, type Refusal } from '#src/domain/judge.ts'
import { type Lot, minNextBid } from '#src/domain/lot.ts'
import type { BidSettings } from '#src/domain/settings.ts'
import {
  type BatchWrite,
  beginBatch,
  lockLots,
  readBidderNumbers,
  readClockAndRepeats,
  writeBatch,
} from '#src/infra/postgres/bid-batch.ts'
import { hasKey, type KeyedRefusal, writeRefusals } from '#src/infra/postgres/refusals.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BidCommand, Decision } from './bid-command.ts'
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

interface Batch {
  nowMs: number
  /** Monotonic time of this process just before the clock was read, so never later than it. */
  clockAskedAtMs: number
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
 * Decides a batch in one transaction: lock the lots, read the clock in the next statement, judge
 * every bid in arrival order in memory, write everything in one statement, commit. Throws when
 * nothing was committed, or when a lost connection leaves that unknown.
 */
export async function decideBatch(
  dependencies: DecideDependencies,
  commands: BidCommand[],
): Promise<Decision[]> {
  const client = await dependencies.pool.connect()
  let failure: Error | undefined
  try {
    const itemIds = [...new Set(commands.map(({ itemId }) => itemId))].sort()
    await beginBatch(client, itemIds.length)
    const batch = await openBatch(client, dependencies, commands, itemIds)
    const decisions = commands.map((command) => decide(dependencies, batch, command))
    if (batch.write.bids.length > 0) {
      batch.write.lots = [...batch.changed].flatMap((itemId) => batch.lots.get(itemId) ?? [])
      batch.write.outbox = dependencies.events.outboxRow(batch.events)
      await writeBatch(client, batch.write)
    }
    if (batch.refusals.length > 0) await writeRefusals(client, batch.refusals)
    await client.query('commit')
    dependencies.numbers.remember(batch.write.bidders)
    observeDecisions(dependencies, commands, decisions)
    if (batch.write.outbox !== null) wakeRelay(dependencies.db)
    return decisions
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
    throw error
  } finally {
    if (failure !== undefined) await rollback(client, failure)
    else client.release()
  }
}

async function rollback(client: PoolClient, failure: Error): Promise<void> {
  // A lost or silent connection would answer a rollback no sooner than anything else; the server
  // rolls back by itself when it is closed.
  if (isUnavailable(failure)) {
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

async function openBatch(
  client: PoolClient,
  { numbers }: DecideDependencies,
  commands: BidCommand[],
  itemIds: string[],
): Promise<Batch> {
  const lots = await lockLots(client, itemIds)
  const clockAskedAtMs = performance.now()
  const clock = await readClockAndRepeats(client, commands, lots)
  const known = await knownNumbers(client, numbers, lots, commands)
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
    clockAskedAtMs,
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

/** What is remembered and, for the rest, what is stored; held by the batch, so nothing can remove it. */
async function knownNumbers(
  client: PoolClient,
  numbers: BidderNumbers,
  lots: Map<string, Lot>,
  commands: BidCommand[],
): Promise<Map<string, number>> {
  const known = new Map<string, number>()
  const unknown: BidCommand[] = []
  for (const command of commands) {
    const { itemId, bidderId } = command
    const number = numbers.of(itemId, bidderId)
    if (number !== undefined) known.set(pairKey(itemId, bidderId), number)
    else if ((lots.get(itemId)?.bidderCount ?? 0) > 0) unknown.push(command)
  }
  if (unknown.length === 0) return known
  const stored = await readBidderNumbers(client, unknown)
  for (const { itemId, bidderId, number } of stored) known.set(pairKey(itemId, bidderId), number)
  numbers.remember(stored)
  return known
}

interface Request {
  bidderId: string
  idempotencyKey: string | null
}

/** By content, which finds a double click, and by key when there is one. */
const repeatKey = (request: Request, hash: string) => `${usedKey(request)} =${hash}`

const usedKey = ({ bidderId, idempotencyKey }: Request) => `${bidderId} #${idempotencyKey ?? ''}`

function decide(dependencies: DecideDependencies, batch: Batch, command: BidCommand): Decision {
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
  const waitedMs = batch.clockAskedAtMs - command.receivedAtMs
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
  const minNext = minNextBid(next, settings)
  const record = acceptedRecord(command, verdict, minNext, batch.nowMs)
  batch.write.bids.push(record, ...counterBids(verdict, record))
  if (next.bidderCount > lot.bidderCount) {
    const { itemId, bidderId } = command
    batch.write.bidders.push({ itemId, bidderId, number: next.bidderCount })
    batch.numbers.set(pairKey(itemId, bidderId), next.bidderCount)
  }
  batch.lots.set(command.itemId, next)
  batch.changed.add(command.itemId)
  batch.events.push(...events.ofBid(command, verdict, record))
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

function outcomeOf(decision: Decision): string {
  if (decision.kind !== 'decided') return decision.kind
  if (decision.isRepeat) return 'repeated'
  const { record } = decision
  return record.outcome === 'refused' ? record.refusalCode : record.outcome
}

function observeDecisions(
  { observe }: DecideDependencies,
  commands: BidCommand[],
  decisions: Decision[],
): void {
  if (observe === undefined) return
  const nowMs = performance.now()
  for (const [index, decision] of decisions.entries()) {
    const receivedAtMs = commands[index]?.receivedAtMs ?? nowMs
    observe.decided(outcomeOf(decision), (nowMs - receivedAtMs) / 1000)
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
  minNextBid: bigint,
  recordedAtMs: number,
): AcceptedBid {
  const { lot, ledger } = verdict
  const [entry] = ledger
  if (entry === undefined || entry.kind === 'auto' || entry.kind === 'terms') {
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
