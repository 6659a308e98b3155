import { type Kysely, sql } from 'kysely'
import { Gauge, type Registry } from 'prom-client'
import { RETURN_FAILED } from '#src/domain/deposit.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

interface Watched {
  held: number
  overdueSeconds: number
  unknown: number
  unknownSeconds: number
}

/** What operators watch of deposits, read from the tables when it is asked for. */
export function watchDeposits(db: Kysely<Database>, registry: Registry): void {
  let reading: Promise<Watched> | undefined
  // One read for all gauges of one scrape.
  const read = (): Promise<Watched> => {
    reading ??= readWatched(db).finally(() => {
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
  gauge('payment_deposits_held', 'Deposits that cards hold.', (one) => one.held)
  gauge(
    'payment_deposits_overdue_seconds',
    'Since when the oldest deposit that is decided is neither released, taken nor given back, or bid was to be asked for its lot.',
    (one) => one.overdueSeconds,
  )
  gauge(
    'payment_deposits_unknown_operations',
    'Requests to providers about deposits of which the outcome is not known.',
    (one) => one.unknown,
  )
  gauge(
    'payment_deposits_unknown_age_seconds',
    'Since when the oldest of them is not known.',
    (one) => one.unknownSeconds,
  )
}

async function readWatched(db: Kysely<Database>): Promise<Watched> {
  const { rows } = await sql<Watched>`
    select
      (select count(*) from deposits where state = 'held')::integer as held,
      coalesce(extract(epoch from clock_timestamp() - least(
        (select min(wished_at) from deposits where state in ('requested', 'held') and wish is not null),
        -- What the provider has accepted to give back takes it days at times.
        (select min(return_wished_at) from deposits d
          where state = 'captured' and return_wished_at is not null and code is distinct from ${RETURN_FAILED} and not exists (
            select from deposit_operations o where o.deposit_id = d.id and o.kind = 'refund' and o.state = 'done'
          )),
        -- Bid is asked again ten seconds after it did not answer, and the lot was to be asked for before that.
        (select min(lot_ends_at) from deposits
          where lot_check_at is not null and state in ('requested', 'held') and lot_ends_at < statement_timestamp())
      )), 0)::float8 as "overdueSeconds",
      (select count(*) from deposit_operations where state = 'unknown')::integer as unknown,
      coalesce(extract(epoch from clock_timestamp() - (
        select min(sent_at) from deposit_operations where state in ('sending', 'unknown')
      )), 0)::float8 as "unknownSeconds"`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('nothing was read')
  return row
}
