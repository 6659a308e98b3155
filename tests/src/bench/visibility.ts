import { setTimeout as wait } from 'node:timers/promises'
import { startPlatform } from '@auction/local/platform.ts'
import type pg from 'pg'
import { createClient } from '#src/api-client.ts'
import { openPool } from '#src/pools.ts'
import { load } from './children.ts'
import { openLots } from './open-lots.ts'
import { atMost, type Row } from './report.ts'

const BIDS_PER_SECOND = 1_000
const WARM_UP_SECONDS = 2
const WAIT_MAX_MS = 10_000

// Every change of an item is written down with its time, so that the lag of every single bid is
// known and not only that of each lot's last one. The extra insert is counted as ours.
const WATCH = `
  create unlogged table seen (item_id uuid, bid_sequence bigint, at timestamptz);
  create function note_seen() returns trigger language plpgsql as $$
  begin
    insert into seen values (new.id, new.bid_sequence, clock_timestamp());
    return null;
  end $$;
  create trigger note_seen after update on items for each row
    when (old.bid_sequence is distinct from new.bid_sequence) execute function note_seen()`

/**
 * P6: from the clock read that decides a bid, which is before its commit, to the first update of
 * the read model that contains it; both times are of one PostgreSQL server.
 */
export async function benchVisibility(
  stateDir: string,
  seconds: number,
  log: (line: string) => void,
): Promise<Row> {
  const platform = await startPlatform({ stateDir, log })
  const client = createClient({ baseUrl: platform.gatewayUrl })
  const bid = openPool(platform.postgres.url('bid'))
  const auction = openPool(platform.postgres.url('auction'))
  try {
    const { itemIds, bidders } = await openLots(client)
    const order = {
      ports: [Number(new URL(platform.addresses.get('bid-api') ?? '').port)],
      itemIds,
      tokens: bidders.map(({ token }) => token),
      connections: 64,
      rate: BIDS_PER_SECOND,
      fromCents: 10_000_000,
      spreadCents: 0,
    }
    await load({ ...order, seconds: WARM_UP_SECONDS })
    await auction.query(WATCH)
    const from = await clock(bid)
    const {
      decided,
      accepted,
      seconds: tookSeconds,
    } = await load({
      ...order,
      fromCents: order.fromCents * 2,
      seconds,
    })
    const lags = await lagsOf(bid, auction, from)
    const at = (share: number) => lags[Math.floor((lags.length - 1) * share)] ?? Number.NaN
    log(
      `P6: ${(decided / tookSeconds).toFixed(0)} bids/s, ${accepted} accepted, ${lags.length} ` +
        `found in the read model; p50 ${at(0.5).toFixed(1)} p99 ${at(0.99).toFixed(1)} ` +
        `max ${at(1).toFixed(1)} ms`,
    )
    if (lags.length < accepted) throw new Error('bids are missing from the read model')
    return atMost('P6', 'decided to visible in the read model, p99 at 1,000/s', at(0.99), 50, 'ms')
  } finally {
    client.close()
    await Promise.all([bid.end(), auction.end()])
    await platform.stop()
  }
}

async function clock(pool: pg.Pool): Promise<Date> {
  const { rows } = await pool.query<{ now: Date }>('select clock_timestamp() as now')
  if (rows[0] === undefined) throw new Error('PostgreSQL did not answer the time')
  return rows[0].now
}

interface Moment {
  itemId: string
  sequence: number
  ms: number
}

/** The lag of every accepted bid since `from`, shortest first. */
async function lagsOf(bid: pg.Pool, auction: pg.Pool, from: Date): Promise<number[]> {
  const decided = await bid.query<Moment>(
    `select item_id as "itemId", sequence::float8 as sequence,
       (extract(epoch from recorded_at) * 1000)::float8 as ms
     from bids where silent_raise = 0 and sequence is not null and kind <> 'auto' and recorded_at > $1
     order by item_id, sequence`,
    [from],
  )
  const last = new Map(decided.rows.map(({ itemId, sequence }) => [itemId, sequence]))
  const seen = await untilSeen(auction, last)
  const lags: number[] = []
  for (const { itemId, sequence, ms } of decided.rows) {
    const moment = seen.get(itemId)?.find((one) => one.sequence >= sequence)
    if (moment !== undefined) lags.push(moment.ms - ms)
  }
  return lags.sort((a, b) => a - b)
}

async function untilSeen(
  auction: pg.Pool,
  last: Map<string, number>,
): Promise<Map<string, Moment[]>> {
  const endMs = performance.now() + WAIT_MAX_MS
  for (;;) {
    const { rows } = await auction.query<Moment>(
      `select item_id as "itemId", bid_sequence::float8 as sequence,
         (extract(epoch from at) * 1000)::float8 as ms
       from seen order by bid_sequence`,
    )
    const seen = Map.groupBy(rows, ({ itemId }) => itemId)
    const isWhole = [...last].every(([itemId, sequence]) =>
      seen.get(itemId)?.some((moment) => moment.sequence >= sequence),
    )
    if (isWhole || performance.now() > endMs) return seen
    await wait(100)
  }
}
