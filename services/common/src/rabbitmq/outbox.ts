import { type Kysely, sql, type Transaction } from 'kysely'
import type { Pool } from 'pg'
import { v7 } from 'uuid'
import type { OutboxEvent } from '../contracts/event.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../process/logger.ts'
import { type Repeated, repeat } from '../process/repeat.ts'
import { formatEvent, joinEvents } from './outbox-format.ts'

export interface OutboxRow {
  id: string
  events: string
}

/** The channel on which relays listen for a hint that something was committed. */
export const OUTBOX_CHANNEL = 'outbox'

/** One row for all events of a batch of bids; null when there are none. */
export function outboxRow(events: readonly OutboxEvent[]): OutboxRow | null {
  return events.length === 0 ? null : rowOf(events.map(formatEvent))
}

// A row is read, and held in memory, as a whole. The losers of one lot may be any number.
const ROW_LENGTH_MAX = 250_000

const rowOf = (formatted: readonly string[]): OutboxRow => ({
  id: newId(),
  events: joinEvents(formatted),
})

/** Rows for the events of a commit, in their order, none longer than that; an event has one row. */
function outboxRows(events: readonly OutboxEvent[]): OutboxRow[] {
  const rows: OutboxRow[] = []
  let formatted: string[] = []
  let length = 0
  for (const event of events) {
    const text = formatEvent(event)
    if (formatted.length > 0 && length + text.length > ROW_LENGTH_MAX) {
      rows.push(rowOf(formatted))
      formatted = []
      length = 0
    }
    formatted.push(text)
    length += text.length
  }
  return formatted.length === 0 ? rows : [...rows, rowOf(formatted)]
}

// Transactions that wrote to the outbox and are not over yet.
const writers = new WeakSet<object>()

/** Writes events into the transaction of the change that they report. */
export async function writeOutbox<DB>(
  tx: Transaction<DB>,
  events: readonly OutboxEvent[],
): Promise<void> {
  const rows = outboxRows(events)
  if (rows.length === 0) return
  await sql`
    insert into outbox (id, events)
    select id, events::json
    from unnest(${rows.map(({ id }) => id)}::uuid[], ${rows.map((row) => row.events)}::text[])
      with ordinality as row (id, events, place)
    order by place`.execute(tx)
  writers.add(tx)
}

/**
 * Runs a transaction. When it wrote to the outbox, the relay is woken after the commit, so that its
 * events are published at once and not at the relay's next poll.
 */
export async function outboxTransaction<DB, T>(
  db: Kysely<DB>,
  work: (tx: Transaction<DB>) => Promise<T>,
): Promise<T> {
  let hasWritten = false
  const result = await db.transaction().execute(async (tx) => {
    const value = await work(tx)
    hasWritten = hasWrittenOutbox(tx)
    return value
  })
  if (hasWritten) wakeRelay(db)
  return result
}

/** Whether `writeOutbox` was called in this transaction; for code that commits by itself. */
export const hasWrittenOutbox = <DB>(tx: Transaction<DB>): boolean => writers.has(tx)

const waking = new WeakMap<object, { isRunning: boolean; isWanted: boolean }>()

/**
 * Wakes the relay after a commit; `outboxTransaction` calls it. A statement of its own, never part
 * of the business transaction (that cost two thirds of the throughput). At most one is in flight.
 * Failures are ignored, because the relay's poll is the guarantee and this only makes it quick.
 */
export function wakeRelay<DB>(db: Kysely<DB>): void {
  let state = waking.get(db)
  if (state === undefined) {
    state = { isRunning: false, isWanted: false }
    waking.set(db, state)
  }
  state.isWanted = true
  if (!state.isRunning) void sendWakeUps(db, state)
}

async function sendWakeUps<DB>(
  db: Kysely<DB>,
  state: { isRunning: boolean; isWanted: boolean },
): Promise<void> {
  state.isRunning = true
  while (state.isWanted) {
    state.isWanted = false
    await sql`notify ${sql.raw(OUTBOX_CHANNEL)}`.execute(db).catch(() => undefined)
  }
  state.isRunning = false
}

const DAY_MS = 24 * 60 * 60_000
const PURGE_BATCH = 1_000
const PURGE_FROM_START_MS = 60 * 60_000
// Enough for some thousand commits a second. More waits for the next run: stopping waits for this one, and
// bids use the same disk.
const PURGE_RUN_MAX_MS = 5_000

/** Deletes sent rows that are older than the retention, in small batches, now and then. */
export function startOutboxPurge(
  pool: Pool,
  options: { log: Logger; retentionDays: number; intervalMs: number },
): Repeated {
  const { log, retentionDays, intervalMs } = options
  // Where the last batch ended. Until the next vacuum the index keeps an entry of every row that was
  // deleted, so a search from its beginning passes over all of them, for each batch. Rows that were sent
  // late lie behind: once an hour the search begins at the beginning.
  let after = NO_ID
  let fromStartAtMs = performance.now()
  return repeat('outbox purge', intervalMs, log, async () => {
    const startedAtMs = performance.now()
    if (performance.now() - fromStartAtMs >= PURGE_FROM_START_MS) {
      after = NO_ID
      fromStartAtMs = performance.now()
    }
    // Ids are made in time order. Bounding them keeps the search at the head of the primary key;
    // by sent_at alone it would read every row of the last days to find that none is old enough.
    const before = v7({ msecs: Date.now() - retentionDays * DAY_MS, seq: 0, random: NO_RANDOM })
    for (;;) {
      const { rowCount, last } = await purgeBatch(pool, after, before)
      after = last ?? after
      const isOver = performance.now() - startedAtMs >= PURGE_RUN_MAX_MS
      if (rowCount < PURGE_BATCH || isOver) return
    }
  })
}

const NO_ID = '00000000-0000-0000-0000-000000000000'
const NO_RANDOM = new Uint8Array(16)

/** Deletes sent rows between two ids; answers how many, and the last of them. */
async function purgeBatch(
  pool: Pool,
  after: string,
  before: string,
): Promise<{ rowCount: number; last: string | undefined }> {
  const { rows, rowCount } = await pool.query<{ id: string }>(
    `delete from outbox where id in (
       select id from outbox where id > $1 and id < $2 and sent_at is not null order by id limit $3)
     returning id`,
    [after, before, PURGE_BATCH],
  )
  const last = rows.reduce<string | undefined>(
    (highest, { id }) => (highest === undefined || id > highest ? id : highest),
    undefined,
  )
  return { rowCount: rowCount ?? 0, last }
}
