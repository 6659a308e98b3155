import pg from 'pg'
import { Gauge, Histogram, type Registry } from 'prom-client'
import { serviceUnavailable } from '../http/errors.ts'
import type { Logger } from '../process/logger.ts'

export interface PostgresConfig {
  POSTGRES_HOST: string
  POSTGRES_PORT: number
  POSTGRES_USERNAME: string
  POSTGRES_PASSWORD: string
  POSTGRES_DATABASE: string
  POSTGRES_SSLMODE: string
  POSTGRES_POOL_MAX: number
}

export interface PoolOptions {
  log: Logger
  registry?: Registry
  /** The name of this pool among those of the process, in logs, metrics and pg_stat_activity. */
  name?: string
  max?: number
  /** For commands: statements take as long as they need. Requests never do. */
  isPatient?: boolean
  /** How long a transaction may be idle before the server ends it, instead of ten seconds. */
  idleInTransactionMs?: number
  /** How long a statement may take, instead of five seconds. */
  statementTimeoutMs?: number
  /** How long a statement waits for a lock, instead of three seconds. */
  lockTimeoutMs?: number
  /** How long a caller waits for a connection, whether new or one that others use now. */
  connectionTimeoutMs?: number
  /**
   * A statement is sent although one before it is not answered yet, so several of a transaction take one
   * way to the server and back. Only for code that waits for all answers before it releases the client.
   */
  isPipelined?: boolean
  statisticsIntervalMs?: number
}

const CONNECTION_TIMEOUT_MS = 2_000
const STATEMENT_TIMEOUT_MS = 5_000
/** The server's timeout normally ends a statement first; this one frees us from a dead network. */
const QUERY_GRACE_MS = 2_000
const LOCK_TIMEOUT_MS = 3_000
const IDLE_IN_TRANSACTION_MS = 10_000
const STATISTICS_INTERVAL_MS = 30_000
const INT8_OID = 20
const VANISHED_CLIENT =
  '-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=10000'
const PATIENT = {
  statement_timeout: 0,
  query_timeout: 0,
  idle_in_transaction_session_timeout: 0,
}

/** The driver's parsers, except that int8 becomes bigint: money must never become a float. */
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === INT8_OID && format !== 'binary') return (text: string) => BigInt(text)
    return pg.types.getTypeParser(oid, format)
  },
} as pg.CustomTypesConfig

/** Settings of one connection; also used for the connections that live outside the pool. */
export function clientConfig(config: PostgresConfig, applicationName: string): pg.ClientConfig {
  const { POSTGRES_SSLMODE: mode } = config
  return {
    host: config.POSTGRES_HOST,
    port: config.POSTGRES_PORT,
    user: config.POSTGRES_USERNAME,
    password: config.POSTGRES_PASSWORD,
    database: config.POSTGRES_DATABASE,
    ssl: mode === 'disable' ? false : { rejectUnauthorized: mode === 'verify-full' },
    application_name: applicationName,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + QUERY_GRACE_MS,
    keepAlive: true,
    // The server gives up a client whose host vanished without a word, and frees its locks with it,
    // after ten seconds; by itself it would after hours.
    options: VANISHED_CLIENT,
    types,
  }
}

/**
 * A bounded pool whose statistics (max total idle waiting waitCount) are logged every 30 seconds
 * and served as metrics. A lost idle connection is logged, never fatal.
 */
export function createPool(config: PostgresConfig, options: PoolOptions): pg.Pool {
  const name = options.name ?? 'main'
  const max = options.max ?? config.POSTGRES_POOL_MAX
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS
  const pool = new pg.Pool({
    ...clientConfig(config, `auction-${name}`),
    idle_in_transaction_session_timeout: options.idleInTransactionMs ?? IDLE_IN_TRANSACTION_MS,
    lock_timeout: options.lockTimeoutMs ?? LOCK_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + QUERY_GRACE_MS,
    ...(options.isPatient === true ? PATIENT : {}),
    pipeline: options.isPipelined === true,
    max,
    connectionTimeoutMillis: options.connectionTimeoutMs ?? CONNECTION_TIMEOUT_MS,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: false,
  })
  pool.on('error', (error) =>
    options.log.warn({ err: error, pool: name }, 'idle postgres client failed'),
  )
  // The pool listens only while a client is idle. One that is lost between two statements of a
  // transaction would end the process; the next statement on it fails, and that is logged then.
  pool.on('connect', (client) => client.on('error', ignore))
  pool.on('connect', endWhenSilent)
  const counter = countWaits(pool, max)
  const timer = setInterval(() => {
    // A pool that never had a connection emits nothing when it is ended.
    if (pool.ending) clearInterval(timer)
    else
      options.log.info(
        { pool: name, ...statistics(pool, max, counter) },
        'postgres pool statistics',
      )
  }, options.statisticsIntervalMs ?? STATISTICS_INTERVAL_MS)
  timer.unref()
  pool.on('remove', () => {
    if (pool.ending) clearInterval(timer)
  })
  if (options.registry !== undefined) exposePool(pool, name, max, counter, options.registry)
  return pool
}

function ignore(): void {}

const READ_TIMEOUT = /^Query read timeout/

/**
 * Ends a connection on which an answer did not come in time. The driver only gives up the query;
 * the code that later releases the client would put a dead connection back into the pool, where it
 * is the next to be taken, until TCP notices minutes later.
 */
function endWhenSilent(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown
  const watched = (...args: unknown[]): unknown => {
    const answer = query(...args)
    if (answer instanceof Promise) {
      answer.catch((error: unknown) => {
        if (!(error instanceof Error) || !READ_TIMEOUT.test(error.message)) return
        // The pool's type hides it, but a pooled client can be ended; released, it is then dropped.
        const ended = (client as unknown as pg.Client).end()
        ended.catch(() => undefined)
      })
    }
    return answer
  }
  client.query = watched as typeof client.query
}

interface WaitCounter {
  waitCount: number
  observe?: (seconds: number) => void
}

function statistics(pool: pg.Pool, max: number, counter: WaitCounter) {
  return {
    max,
    total: pool.totalCount,
    idle: pool.idleCount,
    waiting: pool.waitingCount,
    waitCount: counter.waitCount,
  }
}

type ConnectCallback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: boolean | Error) => void,
) => void

/** Counts acquisitions that found no free connection, and times all of them. */
function countWaits(pool: pg.Pool, max: number): WaitCounter {
  const counter: WaitCounter = { waitCount: 0 }
  const connect = pool.connect.bind(pool) as {
    (): Promise<pg.PoolClient>
    (callback: ConnectCallback): void
  }
  const timed = (callback?: ConnectCallback): Promise<pg.PoolClient> | undefined => {
    if (pool.idleCount === 0 && pool.totalCount >= max) counter.waitCount += 1
    const startedAt = performance.now()
    const done = () => counter.observe?.((performance.now() - startedAt) / 1000)
    if (callback === undefined) return connect().finally(done)
    connect((error, client, release) => {
      done()
      callback(error, client, release)
    })
    return undefined
  }
  pool.connect = timed as typeof pool.connect
  return counter
}

function exposePool(
  pool: pg.Pool,
  name: string,
  max: number,
  counter: WaitCounter,
  registry: Registry,
): void {
  const existing = registry.getSingleMetric('postgres_pool_connections')
  const gauge =
    existing instanceof Gauge
      ? existing
      : new Gauge({
          name: 'postgres_pool_connections',
          help: 'Connections of a pool by state: max, total, idle, waiting, wait_count.',
          labelNames: ['pool', 'state'],
          registers: [registry],
          collect: () => {
            for (const refresh of refreshers.get(registry) ?? []) refresh()
          },
        })
  const histogram = registry.getSingleMetric('postgres_pool_acquire_seconds')
  const acquire =
    histogram instanceof Histogram
      ? histogram
      : new Histogram({
          name: 'postgres_pool_acquire_seconds',
          help: 'Time to get a connection from a pool.',
          labelNames: ['pool'],
          buckets: [0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 2],
          registers: [registry],
        })
  const child = acquire.labels({ pool: name })
  counter.observe = (seconds) => child.observe(seconds)
  const refresh = () => {
    const { waitCount, ...states } = statistics(pool, max, counter)
    for (const [state, value] of Object.entries(states)) gauge.set({ pool: name, state }, value)
    gauge.set({ pool: name, state: 'wait_count' }, waitCount)
  }
  refreshers.set(registry, [...(refreshers.get(registry) ?? []), refresh])
}

const refreshers = new WeakMap<Registry, (() => void)[]>()

// `local` is on disk here and not yet at a synchronous standby: a failover would forget it.
const LOSING_COMMITS = ['off', 'local']

/**
 * Refuses a database that may lose an acknowledged commit (reliability.md R1). Throws when
 * fsync or synchronous_commit is off, or commits do not wait for a synchronous standby.
 */
export async function assertDurable(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ fsync: string; commit: string }>(
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`,
  )
  const row = rows[0]
  if (row === undefined) throw serviceUnavailable()
  if (row.fsync !== 'on' || LOSING_COMMITS.includes(row.commit)) {
    throw new Error(
      `PostgreSQL would lose acknowledged bids: fsync=${row.fsync} synchronous_commit=${row.commit}. Turn both on.`,
    )
  }
}
