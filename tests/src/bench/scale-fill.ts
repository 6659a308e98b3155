import type { Pool } from 'pg'

export interface Size {
  lots: number
  bids: number
}

/** The bidder who has bid on one lot in fifty, at most on 20,000: "my bids" of such a one is what grows. */
export const BUSY_BIDDER = '00000000-0000-7000-8000-000000000001'
const BUSY_LOTS_MAX = 20_000
const PAGE = 50_000
/** Rows that were sent since the last vacuum: their entries are still in the index of unsent ones. */
const SENT_ROWS_MAX = 300_000

/** A rough upper bound, with indexes, WAL and room for a vacuum. */
export const bytesNeeded = ({ lots, bids }: Size): number => lots * 2_000 + bids * 1_200 + 2e9

const id = (kind: number, n: string) =>
  `('01900000-0000-7${kind}00-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`

/**
 * Fills the database of the bid service with lots of which half are open, each with the same number of bids of
 * ten bidders. In pages, so that no statement holds everything.
 */
export async function fill(pool: Pool, size: Size, log: (line: string) => void): Promise<void> {
  const bidsPerLot = Math.max(1, Math.round(size.bids / size.lots))
  const lotsPerPage = Math.max(1, Math.floor(PAGE / bidsPerLot))
  await pool.query('alter table bids disable trigger user')
  for (let from = 1; from <= size.lots; from += lotsPerPage) {
    const to = Math.min(size.lots, from + lotsPerPage - 1)
    await fillLots(pool, from, to, bidsPerLot, size.lots)
    if (Math.floor(from / 500_000) !== Math.floor(to / 500_000)) log(`${to} lots`)
  }
  await pool.query('alter table bids enable trigger user')
  await fillOutbox(pool, Math.min(SENT_ROWS_MAX, size.bids))
  await pool.query('analyze')
}

async function fillLots(
  pool: Pool,
  from: number,
  to: number,
  bidsPerLot: number,
  lots: number,
): Promise<void> {
  const busyEvery = Math.max(50, Math.ceil(lots / BUSY_LOTS_MAX))
  const bidder = `case when lot % ${busyEvery} = 0 and n % 2 = 0 then '${BUSY_BIDDER}'::uuid
    else ${id(1, `lot * 10 + n % 10`)} end`
  const range = [from, to]
  await pool.query(
    `insert into lots (item_id, seller_id, currency_code, terms_version, phase, start_price, bid_increment,
       starts_at, ends_at, original_ends_at, hard_ends_at, extension_threshold_ms, extension_duration_ms,
       extension_mode, max_extensions, current_price, leader_id, leader_max, leader_bid_id, bid_count,
       bidder_count, reserve_met, buy_now_available, last_decided_at, sequence, outcome, final_amount,
       winner_id, closed_at)
     select ${id(2, 'lot')}, ${id(3, 'lot % 10000')}, 'USD', 1, case when is_open then 'open' else 'closed' end,
       1000, 1, ends - interval '40 days', ends, ends, ends, 0, 0, 'from_end', 0, 1000 + $3, bidder,
       1000 + $3, ${id(4, 'lot * 1000 + $3')}, $3, least($3, 10), true, false,
       clock_timestamp() - interval '35 days', $3,
       case when not is_open then 'sold' end, case when not is_open then 1000 + $3 end,
       case when not is_open then bidder end, case when not is_open then ends end
     from (select lot, lot % 2 = 0 as is_open, ${bidder.replaceAll('n %', '$3::int %')} as bidder,
         clock_timestamp() + (case when lot % 2 = 0 then 1 else -1 end)
           * make_interval(secs => 86400 + lot * 7 % 2500000) as ends
       from generate_series($1::bigint, $2::bigint) lot) made`,
    [...range, bidsPerLot],
  )
  await pool.query(
    `insert into bids (id, item_id, bidder_id, kind, outcome, max_amount, price, min_next_bid, bid_count,
       reserve_met, ends_at, extended, sequence, request_hash, decided_at, recorded_at)
     select ${id(4, 'lot * 1000 + n')}, ${id(2, 'lot')}, ${bidder}, 'proxy', 'leading', 1000 + n, 1000 + n,
       1001 + n, n, true, clock_timestamp(), false, n, 'hash', clock_timestamp() - interval '35 days',
       clock_timestamp() - interval '35 days'
     from generate_series($1::bigint, $2::bigint) lot, generate_series(1, $3::int) n`,
    [...range, bidsPerLot],
  )
  await pool.query(
    `insert into lot_bidders (item_id, bidder_id, number)
     select item_id, bidder_id, row_number() over (partition by item_id order by bidder_id)
     from (select distinct ${id(2, 'lot')} as item_id, ${bidder} as bidder_id
       from generate_series($1::bigint, $2::bigint) lot, generate_series(1, $3::int) n) made`,
    [...range, bidsPerLot],
  )
  await pool.query(
    `insert into results (item_id, round, outcome, winner_id, final_amount, bid_id, bid_count, closed_at)
     select item_id, round, outcome, winner_id, final_amount, leader_bid_id, bid_count, closed_at
     from lots where phase = 'closed' and item_id between ${id(2, '$1::bigint')} and ${id(2, '$2::bigint')}`,
    range,
  )
}

async function fillOutbox(pool: Pool, rows: number): Promise<void> {
  for (let from = 1; from <= rows; from += PAGE) {
    await pool.query(
      `insert into outbox (id, events) select ${id(5, 'n')}, '[]'
       from generate_series($1::bigint, $2::bigint) n`,
      [from, Math.min(rows, from + PAGE - 1)],
    )
  }
  await pool.query('update outbox set sent_at = clock_timestamp()')
}
