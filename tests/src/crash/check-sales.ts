import type pg from 'pg'
import { openPool } from '#src/pools.ts'
import type { DatabaseUrl } from './check.ts'
import type { SalesHistory } from './sales-load.ts'

export interface SalesCounts {
  /** What happened, in words: the run is worth nothing without some of each. */
  happened: Readonly<Record<(typeof HAPPENED)[number], number>>
  /** Sales without an order of their buyer, and lasting orders without a sale. */
  ordersDiffer: number
  /** Units with two buyers at once, or with one although the item went into a new round. */
  soldTwice: number
  /** Units that bid takes for free while their order stands, or the other way round. */
  unitsDiffer: number
  /** New rounds that bid and auction do not know alike, or that an item has two of. */
  relistsDiffer: number
  /** What was begun, and neither done nor given up. */
  undone: Readonly<Record<string, number>>
  /** What a client was answered to be done, and is not. */
  forgotten: string[]
}

const HAPPENED = [
  'bought',
  'reserved',
  'offers',
  'accepted',
  'relisted',
  'relisted by themselves',
  'cancelled',
  'reopened',
] as const

/** Sales by bid: of a lot to its winner, and by an offer that was accepted. */
const SALES = `
  select item_id, round, 1 as unit, winner_id as buyer_id, final_amount as amount from lots where winner_id is not null
  union all
  select item_id, round, unit, user_id, amount from offers where state = 'accepted'`

/** Orders of what is their buyers' for good; a reservation that came to nothing is no sale. */
const LASTING_ORDERS = `select * from orders where reserved_until is null`

const HAPPENED_IN_BID = `
  select (select count(*) from lots where outcome = 'bought_now')::int as "bought",
    (select count(*) from purchases where reserved_until is not null)::int as "reserved",
    (select count(*) from offers)::int as "offers",
    (select count(*) from offers where state = 'accepted')::int as "accepted",
    (select count(*) from relistings where not is_automatic)::int as "relisted",
    (select count(*) from relistings where is_automatic)::int as "relisted by themselves"`

const HAPPENED_IN_ORDER = `
  select (select count(*) from order_changes where act = 'cancel')::int as "cancelled",
    (select count(*) from order_changes where act = 'reopen')::int as "reopened"`

/** By service, and what each of its rows counts. A look that is not repeated needs some seconds for what is just due. */
const UNDONE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bid: {
    'reservations that lapsed': `select from lots where phase = 'reserved' and reserved_until < now() - interval '10 s'`,
    'offers that expired': `select from offers where state = 'open' and expires_at < now() - interval '10 s'`,
  },
  auction: {
    'relists under way': 'select from relists where done_at is null',
    'changes of terms': 'select from terms_changes',
    'terms that bid has not': `select from items where published_at is not null and terms_applied_version < terms_version`,
    'relists that are planned': `select from items where status = 'expired' and outcome = 'no_bids' and auto_relists > 0
      and relisted_as is null`,
  },
  order: {
    'units asked back': 'select from take_backs',
    'timers that are due': `select from timers where due_at < now() - interval '10 s'`,
  },
}

/** Compares what was sold, offered and put up again in bid, order and auction, and what clients were answered. */
export async function checkSales(url: DatabaseUrl, history: SalesHistory): Promise<SalesCounts> {
  const pools = ['bid', 'order', 'auction'].map((name) => openPool(url(name)))
  const [bid, order, auction] = pools as [pg.Pool, pg.Pool, pg.Pool]
  try {
    return {
      happened: {
        ...(await bid.query(HAPPENED_IN_BID)).rows[0],
        ...(await order.query(HAPPENED_IN_ORDER)).rows[0],
      },
      ordersDiffer: await compareOrders(bid, order),
      soldTwice: await countSoldTwice(bid, order),
      unitsDiffer: await compareUnits(bid, order),
      relistsDiffer: await compareRelists(bid, auction),
      undone: await countUndone({ bid, order, auction }),
      forgotten: [
        ...(await forgottenByBid(bid, history)),
        ...(await forgottenByOrder(order, history)),
      ],
    }
  } finally {
    await Promise.all(pools.map((pool) => pool.end()))
  }
}

const keysOf = async (pool: pg.Pool, text: string) =>
  (await pool.query<{ key: string }>(text)).rows.map(({ key }) => key)

/** How many keys are in one more often than in the other, each as often as that. */
function difference(ones: readonly string[], others: readonly string[]): number {
  const times = new Map<string, number>()
  for (const key of ones) times.set(key, (times.get(key) ?? 0) + 1)
  for (const key of others) times.set(key, (times.get(key) ?? 0) - 1)
  return [...times.values()].reduce((sum, count) => sum + Math.abs(count), 0)
}

/** How many sales have no order of their own at their price, and how many lasting orders no sale. */
export async function compareOrders(bid: pg.Pool, order: pg.Pool): Promise<number> {
  const key = `concat_ws(' ', item_id, round, unit, buyer_id, amount) as key`
  const sold = await keysOf(bid, `select ${key} from (${SALES}) as sales`)
  return difference(sold, await keysOf(order, `select ${key} from (${LASTING_ORDERS}) as lasting`))
}

async function countSoldTwice(bid: pg.Pool, order: pg.Pool): Promise<number> {
  const held = await bid.query(
    `select from (${SALES}) as sales
     where not exists (select from freed_units as freed where freed.is_free and freed.item_id = sales.item_id
       and freed.unit = sales.unit and freed.buyer_id = sales.buyer_id)
     group by item_id, unit
     having count(*) > 1 or item_id in (select item_id from relistings)`,
  )
  const owed = await order.query<{ itemId: string; count: number }>(
    `select item_id::text as "itemId", count(*)::int as count from (${LASTING_ORDERS}) as lasting
     where state <> 'cancelled' group by item_id, unit`,
  )
  const relisted = new Set(await keysOf(bid, 'select item_id::text as key from relistings'))
  const twice = owed.rows.filter(({ itemId, count }) => count > 1 || relisted.has(itemId))
  return (held.rowCount ?? 0) + twice.length
}

/** A unit is free by bid as long as its order is cancelled. */
async function compareUnits(bid: pg.Pool, order: pg.Pool): Promise<number> {
  const free = await keysOf(bid, 'select order_id::text as key from freed_units where is_free')
  return difference(
    free,
    await keysOf(
      order,
      `select id::text as key from (${LASTING_ORDERS}) as lasting
       where state = 'cancelled' and cancel_reason in ('unpaid', 'mutual', 'suspended', 'seller')`,
    ),
  )
}

async function compareRelists(bid: pg.Pool, auction: pg.Pool): Promise<number> {
  const decided = await keysOf(
    bid,
    `select item_id || ' ' || new_item_id as key from relistings
     where new_item_id in (select item_id from lots)`,
  )
  const withoutLot = await bid.query(
    'select from relistings where new_item_id not in (select item_id from lots)',
  )
  const rounds = await keysOf(
    auction,
    `select former.id || ' ' || next.id as key from items as next join items as former on former.id = next.relist_of
     where next.round = former.round + 1`,
  )
  const links = await keysOf(
    auction,
    `select id || ' ' || relisted_as as key from items where relisted_as is not null`,
  )
  return difference(decided, rounds) + difference(decided, links) + (withoutLot.rowCount ?? 0)
}

async function countUndone(pools: Readonly<Record<string, pg.Pool>>) {
  const undone: Record<string, number> = {}
  for (const [service, looks] of Object.entries(UNDONE)) {
    for (const [what, text] of Object.entries(looks)) {
      undone[what] = (await pools[service]?.query(text))?.rowCount ?? 0
    }
  }
  return undone
}

async function forgottenByBid(bid: pg.Pool, history: SalesHistory): Promise<string[]> {
  const { purchases, acceptances, relists } = history
  const bought = new Set(
    await keysOf(
      bid,
      `select concat_ws(' ', purchases.id, item_id, buyer_id) as key from purchases join lots using (item_id)
       where purchase_id = purchases.id and outcome = 'bought_now' and winner_id = buyer_id`,
    ),
  )
  const accepted = new Set(
    await keysOf(bid, `select id::text as key from offers where state = 'accepted'`),
  )
  const relisted = new Set(
    await keysOf(bid, `select item_id || ' ' || new_item_id as key from relistings`),
  )
  const keyOfPurchase = ({ purchaseId, itemId, buyerId }: SalesHistory['purchases'][number]) =>
    `${purchaseId} ${itemId} ${buyerId}`
  return [
    ...purchases
      .filter((purchase) => !bought.has(keyOfPurchase(purchase)))
      .map(({ purchaseId }) => `purchase ${purchaseId}`),
    // One tab accepts; the other learns that the offer is over.
    ...acceptances
      .filter((offerId, index) => !accepted.has(offerId) || acceptances.indexOf(offerId) !== index)
      .map((offerId) => `acceptance of ${offerId}`),
    ...relists
      .filter(({ itemId, newItemId }) => !relisted.has(`${itemId} ${newItemId}`))
      .map(({ itemId, newItemId }) => `relist of ${itemId} as ${newItemId}`),
  ]
}

async function forgottenByOrder(
  order: pg.Pool,
  { cancelled, reopened }: SalesHistory,
): Promise<string[]> {
  const done = new Set(
    await keysOf(order, `select act || ' ' || order_id as key from order_changes`),
  )
  const standing = new Set(
    await keysOf(order, `select id::text as key from orders where state <> 'cancelled'`),
  )
  return [
    ...cancelled.filter((id) => !done.has(`cancel ${id}`)).map((id) => `cancellation of ${id}`),
    ...reopened
      .filter((id) => !done.has(`reopen ${id}`) || !standing.has(id))
      .map((id) => `reopening of ${id}`),
  ]
}
