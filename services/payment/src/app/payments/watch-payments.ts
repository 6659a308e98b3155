import { type Kysely, sql } from 'kysely'
import { Gauge, type Registry } from 'prom-client'
import type { Database } from '#src/infra/postgres/schema.ts'

interface Watched {
  lateSeconds: number
  unknown: number
  unknownSeconds: number
  orphanSeconds: number
  pendingRefundSeconds: number
  mismatches: number
  differences: number
  foreignRefunds: number
  foreignTransfers: number
  checkLagSeconds: number
  reconciledSeconds: number
  reconciledPayments: number
  reconciledDifferences: number
}

/** What operators watch of payments, read from the tables when it is asked for. */
export function watchPayments(
  db: Kysely<Database>,
  registry: Registry,
  providers: readonly string[],
): void {
  let reading: Promise<Watched> | undefined
  // One read for all gauges of one scrape.
  const read = (): Promise<Watched> => {
    reading ??= readWatched(db, providers).finally(() => {
      reading = undefined
    })
    return reading
  }
  const gauge = (name: string, help: string, value: (watched: Watched) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        // Without the database there is no value, and the alert about the database says why.
        const watched = await read().catch(() => undefined)
        if (watched !== undefined) this.set(value(watched))
      },
    })
  gauge(
    'payment_look_lag_seconds',
    'By how long the oldest look is late.',
    (one) => one.lateSeconds,
  )
  gauge(
    'payment_unknown_operations',
    'Requests to providers of which the outcome is not known.',
    (one) => one.unknown,
  )
  gauge(
    'payment_unknown_age_seconds',
    'Since when the oldest of them is not known.',
    (one) => one.unknownSeconds,
  )
  gauge(
    'payment_orphan_age_seconds',
    'Age of the oldest report without a payment.',
    (one) => one.orphanSeconds,
  )
  gauge(
    'payment_pending_refund_age_seconds',
    'Age of the oldest refund that is not done.',
    (one) => one.pendingRefundSeconds,
  )
  gauge('payment_mismatches', 'Payments that an operator must look at.', (one) => one.mismatches)
  gauge(
    'payment_open_differences',
    'Differences between our books and those of providers.',
    (one) => one.differences,
  )
  gauge(
    'payment_foreign_refunds',
    'Refunds at providers that none of ours asked for, and no operator has closed.',
    (one) => one.foreignRefunds,
  )
  gauge(
    'payment_foreign_transfers',
    'Transfers at providers that none of ours asked for and no operator has closed, and money of transfers that came back by itself in a day.',
    (one) => one.foreignTransfers,
  )
  gauge(
    'payment_check_lag_seconds',
    'By how long the oldest daily check of a captured payment is late.',
    (one) => one.checkLagSeconds,
  )
  gauge(
    'payment_reconciliation_age_seconds',
    'Since when the books of a provider were not compared with ours to the end.',
    (one) => one.reconciledSeconds,
  )
  gauge(
    'payment_reconciliation_payments',
    'Payments of both sides that the last comparisons were about.',
    (one) => one.reconciledPayments,
  )
  gauge(
    'payment_reconciliation_differences',
    'Differences that the last comparisons found, known ones included.',
    (one) => one.reconciledDifferences,
  )
}

async function readWatched(db: Kysely<Database>, providers: readonly string[]): Promise<Watched> {
  const { rows } = await sql<Watched>`
    select
      coalesce(extract(epoch from clock_timestamp() - (
        select min(due_at) from payments where due_at is not null and due_at < statement_timestamp()
      )), 0)::float8 as "lateSeconds",
      (select count(*) from payment_operations where state = 'unknown')::integer as unknown,
      coalesce(extract(epoch from clock_timestamp() - (
        select min(sent_at) from payment_operations where state in ('sending', 'unknown')
      )), 0)::float8 as "unknownSeconds",
      coalesce(extract(epoch from clock_timestamp() - (
        select min(received_at) from provider_events where state = 'orphan'
      )), 0)::float8 as "orphanSeconds",
      coalesce(extract(epoch from clock_timestamp() - (
        select min(created_at) from refunds where state = 'pending'
      )), 0)::float8 as "pendingRefundSeconds",
      (select count(*) from payments where state = 'mismatch')::integer as mismatches,
      (select count(*) from payment_differences where closed_at is null)::integer as differences,
      (select count(*) from payment_differences
        where closed_at is null and kind = 'foreign_refund')::integer as "foreignRefunds",
      ((select count(*) from payment_differences where closed_at is null and kind = 'unknown_transfer')
        + (select count(*) from payout_reversals
          where is_foreign and created_at > statement_timestamp() - interval '1 day'))::integer as "foreignTransfers",
      coalesce(extract(epoch from clock_timestamp() - (
        select min(next_check_at) from payments where next_check_at < statement_timestamp()
      )), 0)::float8 as "checkLagSeconds",
      r."reconciledSeconds", r."reconciledPayments", r."reconciledDifferences"
    from (
      select
        coalesce(extract(epoch from clock_timestamp() - min(coalesce(ended_at, created_at))), 0)::float8
          as "reconciledSeconds",
        coalesce(sum(charges + payments), 0)::float8 as "reconciledPayments",
        coalesce(sum(differences), 0)::float8 as "reconciledDifferences"
      from reconciliations where provider = any(${providers}::text[])
    ) as r`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('nothing was read')
  return row
}
