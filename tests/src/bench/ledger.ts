import { randomUUID } from 'node:crypto'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { migrate } from '@auction/common/postgres/migrate.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import type { Infrastructure } from '@auction/local/infrastructure.ts'
import { sealEntries } from '@auction/payment/app/ledger/seal-entries.ts'
import { clearing, sellerPending, taxOf } from '@auction/payment/domain/accounts.ts'
import type { Entry } from '@auction/payment/domain/entry.ts'
import { post } from '@auction/payment/infra/postgres/ledger/post.ts'
import type { Database } from '@auction/payment/infra/postgres/schema.ts'
import { SERVICE } from '@auction/payment/service.ts'
import { sql } from 'kysely'
import { median, type Row, versus } from './report.ts'

const CLIENTS = 8
const SELLERS = 1_000
const SEAL_INTERVAL_MS = 1_000

/**
 * Captures posted to the money ledger, one a transaction, while they are sealed as the worker does it; beside one insert a
 * transaction into a table with nothing but a key, in the same database.
 */
export async function benchLedger(
  infrastructure: Infrastructure,
  { rounds, seconds, log }: { rounds: number; seconds: number; log: (line: string) => void },
): Promise<Row> {
  const url = new URL(infrastructure.postgres.url('payment'))
  const silent = createLogger('bench', 'silent')
  const pool = createPool(
    {
      POSTGRES_HOST: url.hostname,
      POSTGRES_PORT: Number(url.port),
      POSTGRES_USERNAME: decodeURIComponent(url.username),
      POSTGRES_PASSWORD: decodeURIComponent(url.password),
      POSTGRES_DATABASE: url.pathname.slice(1),
      POSTGRES_SSLMODE: 'disable',
      POSTGRES_POOL_MAX: CLIENTS + 2,
    },
    { log: silent, max: CLIENTS + 2 },
  )
  await migrate(pool, SERVICE.migrations, silent)
  await pool.query('create table if not exists bench_inserts (id uuid primary key, amount bigint)')
  const db = createDatabase<Database>(pool)
  const sellers = Array.from({ length: SELLERS }, () => randomUUID())
  const capture = (index: number) =>
    db.transaction().execute((tx) => post(tx, captureOf(sellers[index % SELLERS] ?? '')))
  const insert = () =>
    db
      .transaction()
      .execute((tx) => sql`insert into bench_inserts values (${randomUUID()}, 1850)`.execute(tx))
  const sealing = setInterval(() => void sealEntries(db).catch(() => {}), SEAL_INTERVAL_MS)
  const rates = { ours: [] as number[], baseline: [] as number[] }
  try {
    for (let round = 0; round < rounds; round += 1) {
      rates.baseline.push(await rateOf(insert, seconds))
      rates.ours.push(await rateOf(capture, seconds))
      log(
        `ledger: ${rates.ours.at(-1)?.toFixed(0)} captures/s, ${rates.baseline.at(-1)?.toFixed(0)} inserts/s`,
      )
    }
  } finally {
    clearInterval(sealing)
    await sealEntries(db)
    await pool.end()
  }
  return versus({
    goal: 'ledger',
    what: 'captures posted, beside one insert a transaction',
    ours: median(rates.ours),
    baseline: median(rates.baseline),
    wanted: 0.3,
    unit: '/s',
  })
}

async function rateOf(work: (index: number) => Promise<unknown>, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1_000
  let done = 0
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (performance.now() < end) {
        await work(done)
        done += 1
      }
    }),
  )
  return done / seconds
}

function captureOf(sellerId: string): Entry {
  const eur = (account: Entry['postings'][number]['account'], amount: bigint) => ({
    account,
    currencyCode: 'EUR',
    amount,
  })
  return {
    key: `capture:${randomUUID()}`,
    kind: 'capture',
    paymentId: randomUUID(),
    orderId: randomUUID(),
    postings: [
      eur(clearing('stripe'), 10_000n),
      eur(sellerPending(sellerId), -9_000n),
      eur('platform:commission', -840n),
      eur(taxOf('DE', 'commission'), -160n),
    ],
  }
}
