import { randomUUID } from 'node:crypto'
import t from 'tap'
import { compareReadModel } from '#src/crash/check.ts'
import { checkSales } from '#src/crash/check-sales.ts'
import type { SalesHistory } from '#src/crash/sales-load.ts'
import { createDatabases, type Databases } from './crash-databases.ts'

const ids = () => ({ item: randomUUID(), seller: randomUUID(), winner: randomUUID() })

const NOTHING: SalesHistory = {
  purchases: [],
  acceptances: [],
  relists: [],
  cancelled: [],
  reopened: [],
  unfinished: [],
}

async function addLot({ query }: Databases, item: string, seller: string, winner: string | null) {
  const outcome = winner === null ? 'no_bids' : 'sold'
  const price = winner === null ? null : 100
  await query(
    'bid',
    `insert into lots (item_id, seller_id, currency_code, terms_version, phase, start_price, starts_at, ends_at,
       original_ends_at, hard_ends_at, extension_threshold_ms, extension_duration_ms, extension_mode, max_extensions,
       reserve_met, buy_now_available, outcome, final_amount, winner_id, closed_at)
     values ($1, $2, 'USD', 1, 'closed', 100, now() - interval '1 hour', now(), now(), now(), 0, 0,
       'from_end', 0, true, false, $3, $4, $5, now())`,
    [item, seller, outcome, price, winner],
  )
}

async function addItem({ query }: Databases, item: string, seller: string, buyer: string | null) {
  const [status, outcome] = buyer === null ? ['expired', 'no_bids'] : ['sold', 'sold']
  await query(
    'auction',
    `insert into items (id, seller_id, name, currency_code, start_price, current_price, start_date, end_date,
       original_end_date, status, outcome, buyer_id, end_price, reserve_met, buy_now_available, published_at,
       terms_version, terms_applied_version)
     values ($1, $2, 'A lamp', 'USD', 100, 100, now() - interval '1 hour', now(), now(), $3, $4, $5, $6, true, false, now(),
       1, 1)`,
    [item, seller, status, outcome, buyer, buyer === null ? null : 90],
  )
}

async function addOrder(
  { query }: Databases,
  { item, seller }: { item: string; seller: string },
  buyer: string,
  { amount, acts }: { amount: number; acts: readonly string[] },
) {
  const id = randomUUID()
  const isCancelled = acts.at(-1) === 'cancel'
  await query(
    'order',
    `insert into orders (id, item_id, round, unit, seller_id, buyer_id, source, currency_code, amount, premium, state,
       cancel_reason, won_at, due_at, cancel_at, sequence)
     values ($1, $2, 1, 1, $3, $4, 'won', 'USD', $5, 0, $6, $7, now() - interval '1 hour', now(), now(), $8)`,
    [
      id,
      item,
      seller,
      buyer,
      amount,
      isCancelled ? 'cancelled' : 'pending_payment',
      isCancelled ? 'mutual' : null,
      acts.length,
    ],
  )
  for (const [index, act] of acts.entries()) {
    await query(
      'order',
      `insert into order_changes (order_id, sequence, act, state, actor, happened_at)
       values ($1, $2, $3, 'pending_payment', 'platform', now())`,
      [id, index + 1, act],
    )
  }
  return id
}

t.test('a check of sales finds what differs between bid, order, auction and clients', async (t) => {
  const databases = await createDatabases(t, ['bid', 'order', 'auction'])
  const { url, query, poolOf } = databases
  const sold = ids()
  const unsold = ids()
  const [second, next, offer] = [randomUUID(), randomUUID(), randomUUID()]
  await addLot(databases, sold.item, sold.seller, sold.winner)
  const cancelled = await addOrder(databases, sold, sold.winner, {
    amount: 100,
    acts: ['create', 'cancel'],
  })
  await query(
    'bid',
    `insert into freed_units (order_id, item_id, round, unit, buyer_id, is_free, sequence)
     values ($1, $2, 1, 1, $3, true, 2)`,
    [cancelled, sold.item, sold.winner],
  )
  await query(
    'bid',
    `insert into offers (id, item_id, round, unit, seller_id, user_id, kind, bid_id, amount, currency_code, days, state,
       made_at, expires_at, ended_at)
     values ($1, $2, 1, 1, $3, $4, 'second_chance', gen_random_uuid(), 90, 'USD', 1, 'accepted',
       now() - interval '1 minute', now() + interval '1 day', now())`,
    [offer, sold.item, sold.seller, second],
  )
  const accepted = await addOrder(databases, sold, second, { amount: 90, acts: ['create'] })
  await addItem(databases, sold.item, sold.seller, second)
  for (const item of [unsold.item, next]) {
    await addLot(databases, item, unsold.seller, null)
    await addItem(databases, item, unsold.seller, null)
  }
  await query(
    'bid',
    `insert into relistings (item_id, new_item_id, is_automatic, relisted_at) values ($1, $2, true, now())`,
    [unsold.item, next],
  )
  await query('auction', 'update items set relist_of = $1, round = 2 where id = $2', [
    unsold.item,
    next,
  ])
  await query('auction', 'update items set relisted_as = $2 where id = $1', [unsold.item, next])
  const history: SalesHistory = {
    ...NOTHING,
    acceptances: [offer],
    relists: [{ itemId: unsold.item, newItemId: next }],
    cancelled: [cancelled],
  }
  const fine = { ordersDiffer: 0, soldTwice: 0, unitsDiffer: 0, relistsDiffer: 0, forgotten: [] }
  const look = async () => ({
    ...(await checkSales(url, history)),
    readModel: await compareReadModel(poolOf('bid'), poolOf('auction')),
  })
  const before = await look()
  t.match(before, { ...fine, readModel: 0 })
  t.match(before.happened, { accepted: 1, relisted: 0, 'relisted by themselves': 1, cancelled: 1 })
  t.notOk(Object.values(before.undone).some((count) => count > 0))

  const faults: [
    what: string,
    service: string,
    fault: string,
    repair: string,
    found: Record<string, unknown>,
  ][] = [
    [
      'an order of another buyer',
      'order',
      `update orders set buyer_id = gen_random_uuid() where id = '${accepted}'`,
      `update orders set buyer_id = '${second}' where id = '${accepted}'`,
      { ordersDiffer: 2 },
    ],
    [
      'an order at another price',
      'order',
      `update orders set amount = 91 where id = '${accepted}'`,
      `update orders set amount = 90 where id = '${accepted}'`,
      { ordersDiffer: 2 },
    ],
    [
      'a unit that is sold although its first buyer has it',
      'order',
      `update orders set state = 'pending_payment', cancel_reason = null where id = '${cancelled}'`,
      `update orders set state = 'cancelled', cancel_reason = 'mutual' where id = '${cancelled}'`,
      { soldTwice: 1, unitsDiffer: 1 },
    ],
    [
      'a unit that bid has not freed',
      'bid',
      'update freed_units set is_free = false',
      'update freed_units set is_free = true',
      { soldTwice: 1, unitsDiffer: 1, readModel: 0 },
    ],
    [
      'a new round of what is sold',
      'bid',
      `insert into relistings (item_id, new_item_id, is_automatic, relisted_at)
       values ('${sold.item}', '${sold.seller}', false, now())`,
      `delete from relistings where item_id = '${sold.item}'`,
      { soldTwice: 2, relistsDiffer: 1 },
    ],
    [
      'a second new round of an item',
      'auction',
      `update items set relist_of = '${unsold.item}', round = 2 where id = '${sold.item}'`,
      `update items set relist_of = null, round = 1 where id = '${sold.item}'`,
      { relistsDiffer: 1 },
    ],
    [
      'an item that is not sold to its second buyer',
      'auction',
      `update items set buyer_id = '${sold.winner}' where id = '${sold.item}'`,
      `update items set buyer_id = '${second}' where id = '${sold.item}'`,
      { readModel: 1 },
    ],
    [
      'a relist that is under way',
      'auction',
      `insert into relists (item_id, new_item_id, is_automatic, changes, trace)
       values ('${unsold.item}', '${next}', true, '{}', '{}')`,
      'delete from relists',
      { undone: { 'relists under way': 1 } },
    ],
    [
      'a unit that is asked back',
      'order',
      `insert into take_backs (order_id, sequence, due_at) values ('${cancelled}', 3, now())`,
      'delete from take_backs',
      { undone: { 'units asked back': 1 } },
    ],
  ]
  for (const [what, service, fault, repair, found] of faults) {
    await query(service, fault)
    t.match(await look(), { ...fine, readModel: 0, ...found }, what)
    await query(service, repair)
  }
  t.match(await look(), { ...fine, readModel: 0 })

  const purchase = { purchaseId: randomUUID(), itemId: sold.item, buyerId: sold.winner }
  const { forgotten } = await checkSales(url, {
    ...history,
    purchases: [purchase],
    // Two tabs.
    acceptances: [offer, offer],
    relists: [{ itemId: unsold.item, newItemId: sold.item }],
    cancelled: [cancelled, accepted],
    reopened: [cancelled],
  })
  t.strictSame(forgotten, [
    `purchase ${purchase.purchaseId}`,
    `acceptance of ${offer}`,
    `relist of ${unsold.item} as ${sold.item}`,
    `cancellation of ${accepted}`,
    `reopening of ${cancelled}`,
  ])
})
