import { setTimeout as wait } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import type { Registry } from 'prom-client'
import { isUnavailable, SQL_STATES, sqlState } from '../http/errors.ts'
import type { Logger } from '../process/logger.ts'
import { OUTBOX_CHANNEL, startOutboxPurge } from './outbox.ts'
import { readEvents } from './outbox-format.ts'
import type { Publisher } from './publisher.ts'
import { createHolds, type Holds } from './relay-holds.ts'
import { createLease, endSilentLeader, type Lease, takeLead } from './relay-lease.ts'
import { createRelayMetrics, type RelayMetrics } from './relay-metrics.ts'
import { createPages, type Page, type Pages, type StoredRow } from './relay-pages.ts'
import { createScan, type Scan } from './relay-scan.ts'

export interface RelayOptions {
  pool: Pool
  publisher: Publisher
  log: Logger
  registry: Registry
  pollIntervalMs?: number
  standbyIntervalMs?: number
  retentionDays?: number
  purgeIntervalMs?: number
}

export interface Relay {
  /** True while this process holds the relay's lock. */
  isActive(): boolean
  close(): Promise<void>
}

const POLL_INTERVAL_MS = 150
const STANDBY_INTERVAL_MS = 1_000
const FAILURE_PAUSE_MS = 500
// The weight of a page of rows.
const PAGE_BYTES = 1_000_000
const ROWS_MAX = 1_000
const RETENTION_DAYS = 7
const PURGE_INTERVAL_MS = 60_000

/**
 * Publishes what was committed to the outbox, in order per aggregate, at least once. One relay per
 * database is active (a session lock decides), the others stand by and take over when it dies, or
 * when it is silent for ten seconds (relay-lease.ts).
 */
export function startOutboxRelay(options: RelayOptions): Relay {
  const { pool, log } = options
  const metrics = createRelayMetrics(options.registry, pool)
  const stop = new AbortController()
  let isActive = false
  let isFailing = false
  const setActive = (active: boolean) => {
    if (active && !isActive) log.info('outbox relay active')
    isActive = active
    if (active) isFailing = false
  }

  const run = async () => {
    while (!stop.signal.aborted) {
      try {
        await lead(options, metrics, stop.signal, setActive)
      } catch (error) {
        if (!isFailing)
          log[isUnavailable(error) ? 'warn' : 'error']({ err: error }, 'outbox relay failed')
        isFailing = true
      }
      await pause(FAILURE_PAUSE_MS, stop.signal)
    }
  }
  const running = run()
  return {
    isActive: () => isActive,
    async close() {
      stop.abort()
      await running
    },
  }
}

/** Waits for the lock, then relays until the connection that holds it is lost or we stop. */
async function lead(
  options: RelayOptions,
  metrics: RelayMetrics,
  signal: AbortSignal,
  setActive: (active: boolean) => void,
): Promise<void> {
  const client = await options.pool.connect()
  const wake = createWake()
  client.on('notification', wake.committed)
  client.on('error', wake.committed)
  signal.addEventListener('abort', wake.now)
  try {
    while (!(await takeLead(client))) {
      if (await endSilentLeader(client))
        options.log.warn('the silent leader of the outbox relay was ended')
      if (await pause(options.standbyIntervalMs ?? STANDBY_INTERVAL_MS, signal)) return
    }
    await client.query(`listen ${OUTBOX_CHANNEL}`)
    // All that this session commits is that rows were sent. When the server forgets it in a crash, they
    // are published again, as after a crash of the relay; so no mark waits for the disk.
    await client.query('set synchronous_commit = off')
    setActive(true)
    const purge = startOutboxPurge(options.pool, {
      log: options.log,
      retentionDays: options.retentionDays ?? RETENTION_DAYS,
      intervalMs: options.purgeIntervalMs ?? PURGE_INTERVAL_MS,
    })
    try {
      await relayUntilStopped(options, metrics, client, wake, signal)
    } finally {
      await purge.stop()
    }
  } finally {
    setActive(false)
    client.off('notification', wake.committed)
    signal.removeEventListener('abort', wake.now)
    // Closing the session is what frees the lock, whatever state the connection is in.
    client.release(true)
  }
}

async function relayUntilStopped(
  { publisher, log, pollIntervalMs = POLL_INTERVAL_MS }: RelayOptions,
  metrics: RelayMetrics,
  client: PoolClient,
  wake: Wake,
  signal: AbortSignal,
): Promise<void> {
  const holds = createHolds()
  const lease = createLease(client, wake.now)
  const pages = createPages({ publisher, lease, holds, metrics, log, changed: wake.now })
  const scan = createScan()
  const waitAtMost = (ms: number) => lease.keptDuring(() => wake.after(ms))
  let nextReadMs = 0
  try {
    while (!(signal.aborted && pages.isEmpty())) {
      await markSent(client, lease, metrics, settle(pages.takeOver(), holds, scan))
      if (signal.aborted) {
        // What was handed over is marked, so that the next leader need not publish it again.
        if (!pages.isEmpty()) await waitAtMost(UNTIL_WOKEN_MS)
        continue
      }
      if (!publisher.isReady()) {
        await lease.renewedBy(() => client.query('select 1'))
        await waitAtMost(jittered(pollIntervalMs))
        continue
      }
      if (pages.isEmpty()) {
        scan.restart(pages.isStopped())
        pages.resume()
      }
      const mayRead = pages.isFed() && !pages.isStopped() && !scan.isRestartDue()
      if (mayRead && wake.takeCommitted()) nextReadMs = 0
      // Only a page that is under way is sure to wake the relay.
      const idleMs = pages.isEmpty() ? jittered(pollIntervalMs) : UNTIL_WOKEN_MS
      const waitMs = mayRead ? nextReadMs - performance.now() : idleMs
      if (waitMs > 0) await waitAtMost(waitMs)
      else {
        const isCut = await readPage(client, lease, scan, pages, log)
        nextReadMs = isCut ? 0 : performance.now() + jittered(pollIntervalMs)
      }
    }
  } finally {
    await pages.end()
  }
}

// A page that is under way wakes the relay in any case.
const UNTIL_WOKEN_MS = 60_000

const jittered = (ms: number) => ms * (0.75 + Math.random() * 0.5)

/** Waits; true when stopped meanwhile. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await wait(ms, undefined, { signal }).catch(() => undefined)
  return signal.aborted
}

interface Wake {
  now(): void
  /** Something was committed: wakes, and remembers that a read is worth it. */
  committed(): void
  takeCommitted(): boolean
  after(ms: number): Promise<void>
}

/** A wait that is ended early, also by what came before the wait began. */
function createWake(): Wake {
  let isWoken = false
  let isCommitted = false
  let resolveWait: (() => void) | undefined
  const now = () => {
    isWoken = true
    resolveWait?.()
  }
  return {
    now,
    committed() {
      isCommitted = true
      now()
    },
    takeCommitted() {
      const wasCommitted = isCommitted
      isCommitted = false
      return wasCommitted
    },
    async after(ms) {
      if (!isWoken) {
        let timer: NodeJS.Timeout | undefined
        await new Promise<void>((resolve) => {
          resolveWait = resolve
          timer = setTimeout(resolve, ms)
        })
        clearTimeout(timer)
        resolveWait = undefined
      }
      isWoken = false
    },
  }
}

/** Reads a page and hands it to the channel; answers whether there may be more behind it. */
async function readPage(
  client: PoolClient,
  lease: Lease,
  scan: Scan,
  pages: Pages,
  log: Logger,
): Promise<boolean> {
  const readAtMs = performance.now()
  const found = await lease
    .renewedBy(() => readUnsent(client, scan.afterSeq(), scan.known()))
    .catch((error: unknown) => {
      if (sqlState(error) !== SQL_STATES.queryCanceled || !scan.skipFromStart()) throw error
      log.warn({ err: error }, 'the outbox could not be read from its start in time')
    })
  if (found === undefined) return true
  const { rows, isCut } = found
  scan.advance(rows, readAtMs, isCut)
  if (rows.length > 0) pages.feed(rows, readAtMs, scan.startedAtMs())
  return isCut
}

interface UnsentRow {
  id: string
  seq: bigint
  events: string
  bytes: number
  ageMs: number
}

/**
 * Reads a page of the unsent by seq. A row may hold one event or those of a whole batch of bids, so
 * the page is bounded by what its rows weigh as well; it has one row at least. The ranges that are left
 * out are a filter of the index scan, so that the order and the limit end it early.
 */
async function readUnsent(
  client: PoolClient,
  afterSeq: bigint,
  known: string,
): Promise<{ rows: StoredRow[]; isCut: boolean }> {
  const { rows } = await client.query<UnsentRow>({
    name: 'outbox-unsent',
    text: `select id, seq, events::text as events, bytes,
        (extract(epoch from clock_timestamp() - created_at) * 1000)::float8 as "ageMs"
      from (
        select id, seq, events, created_at, pg_column_size(events) as bytes,
          sum(pg_column_size(events)) over preceding as weight
        from outbox where sent_at is null and seq > $1 and not seq <@ $4::int8multirange
        window preceding as (order by seq rows between unbounded preceding and 1 preceding)
        order by seq limit $2) as page
      where coalesce(weight, 0) < $3 order by seq`,
    values: [String(afterSeq), ROWS_MAX, PAGE_BYTES, known],
  })
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0)
  return {
    rows: rows.map(({ id, seq, events, ageMs }) => ({
      id,
      seq,
      events: readEvents(events),
      ageMs,
    })),
    isCut: rows.length === ROWS_MAX || bytes >= PAGE_BYTES,
  }
}

/** Settles pages in order; answers the rows that are wholly at the broker. */
function settle(pages: readonly Page[], holds: Holds, scan: Scan): SentRow[] {
  const sent: SentRow[] = []
  for (const { rows, outcomes, readAtMs, scanStartedAtMs } of pages) {
    for (const [position, row] of rows.entries()) {
      const isSent = holds.settle(row, outcomes[position] ?? [], scanStartedAtMs)
      scan.settle(row, isSent)
      if (isSent) sent.push({ id: row.id, ageMs: row.ageMs, readAtMs })
    }
  }
  return sent
}

interface SentRow {
  id: string
  /** Its age when it was read, and when that was. */
  ageMs: number
  readAtMs: number
}

async function markSent(
  client: PoolClient,
  lease: Lease,
  metrics: RelayMetrics,
  sent: readonly SentRow[],
): Promise<void> {
  if (sent.length === 0) return
  const confirmedAtMs = performance.now()
  await lease.renewedBy(() =>
    client.query({
      name: 'outbox-mark-sent',
      text: 'update outbox set sent_at = clock_timestamp() where id = any($1::uuid[])',
      values: [`{${sent.map(({ id }) => id).join(',')}}`],
    }),
  )
  for (const { ageMs, readAtMs } of sent) metrics.latency((ageMs + confirmedAtMs - readAtMs) / 1000)
}
