import { setTimeout as wait } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import type { Registry } from 'prom-client'
import { isUnavailable } from '../http/errors.ts'
import { ADVISORY_LOCKS } from '../postgres/advisory-locks.ts'
import type { Logger } from '../process/logger.ts'
import { OUTBOX_CHANNEL, startOutboxPurge } from './outbox.ts'
import type { Publisher } from './publisher.ts'
import { createHolds } from './relay-holds.ts'
import { createRelayMetrics, type RelayMetrics } from './relay-metrics.ts'
import { readUnsent, relayRows } from './relay-rows.ts'
import { createScan } from './relay-scan.ts'

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
const ROWS_MAX = 1_000
const RETENTION_DAYS = 7
const PURGE_INTERVAL_MS = 60_000

/**
 * Publishes what was committed to the outbox, in order per aggregate, at least once. One relay per
 * database is active (a session lock decides), the others stand by and take over when it dies.
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
  client.on('notification', wake.now)
  client.on('error', wake.now)
  signal.addEventListener('abort', wake.now)
  try {
    while (!(await tryLock(client))) {
      if (await pause(options.standbyIntervalMs ?? STANDBY_INTERVAL_MS, signal)) return
    }
    await client.query(`listen ${OUTBOX_CHANNEL}`)
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
    client.off('notification', wake.now)
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
  const context = { client, publisher, log, metrics, holds, unroutable: new Set<string>() }
  const scan = createScan(holds)
  while (!signal.aborted) {
    if (!publisher.isReady()) {
      await wake.after(jittered(pollIntervalMs), signal)
      continue
    }
    const rows = await readUnsent(client, scan.afterSeq(), ROWS_MAX)
    await relayRows(context, rows, scan.startedAtMs())
    scan.advance(rows)
    if (rows.length === 0) await wake.after(jittered(pollIntervalMs), signal)
  }
}

async function tryLock(client: PoolClient): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    'select pg_try_advisory_lock(hashtext($1)) as locked',
    [ADVISORY_LOCKS.outboxRelay],
  )
  return rows[0]?.locked === true
}

const jittered = (ms: number) => ms * (0.75 + Math.random() * 0.5)

/** Waits; true when stopped meanwhile. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await wait(ms, undefined, { signal }).catch(() => undefined)
  return signal.aborted
}

interface Wake {
  now(): void
  after(ms: number, signal: AbortSignal): Promise<void>
}

/** A wait that a notification ends early, also one that came before the wait began. */
function createWake(): Wake {
  let isWoken = false
  let resolveWait: (() => void) | undefined
  return {
    now: () => {
      isWoken = true
      resolveWait?.()
    },
    async after(ms, signal) {
      if (!isWoken && !signal.aborted) {
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
