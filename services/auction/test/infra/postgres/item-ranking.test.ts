import { randomUUID } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { migrate } from '@auction/common/postgres/migrate.ts'
import { createTestDatabase, type TestDatabase } from '@auction/common/testing/database.ts'
import fc from 'fast-check'
import { sql } from 'kysely'
import t from 'tap'
import type { PlacedBid } from '#src/domain/bid-fold.ts'
import { projectPlaced, projectReserveMet } from '#src/infra/postgres/bidding/bid-projection.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { log } from '#test/neighbours.ts'

const END = new Date(Date.now() + 86_400_000)

async function insertItems({ pool }: TestDatabase, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID())
  await pool.query(
    `insert into items (id, seller_id, name, currency_code, start_price, start_date,
       original_end_date, end_date, status, terms_version, published_at, current_price,
       reserve_met, buy_now_available)
     select id, gen_random_uuid(), 'Silver spoon', 'USD', 100, now(), $2, $2, 'active', 1, now(), 100,
       true, false
     from unnest($1::uuid[]) as id`,
    [ids, END],
  )
  return ids
}

const bid = (itemId: string, sequence: number): PlacedBid => ({
  itemId,
  sequence,
  currencyCode: 'USD',
  price: BigInt(100 + sequence),
  bidCount: sequence,
  reserveMet: true,
  buyNowAvailable: false,
  endDate: END,
  isExtended: false,
  extensionCount: 0,
})

/** Items whose row in the ranking is missing, too much, or another than the item. */
const MISRANKED = `
  select coalesce(i.id, r.item_id) as id
  from (select * from items where status in ('scheduled', 'active')) as i
  full join item_ranking r on r.item_id = i.id
  where (i.currency_code, i.current_price, i.bid_count)
    is distinct from (r.currency_code, r.current_price, r.bid_count)`

t.test('a bid changes no index of the items: their updates are heap-only', async (t) => {
  const database = await createTestDatabase(t, SERVICE.migrations)
  const db = createDatabase<Database>(database.pool)
  // Few, so that their page has room: only an index may be the reason for a failure.
  const ids = await insertItems(database, 3)
  const counts = await db.transaction().execute(async (tx) => {
    await projectPlaced(
      tx,
      ids.map((id) => bid(id, 2)),
    )
    const met = { sequence: 3, currencyCode: 'USD', price: 200n, buyNowAvailable: false }
    await projectReserveMet(
      tx,
      ids.map((itemId) => ({ ...met, itemId })),
    )
    const { rows } = await sql<{ updated: bigint; heapOnly: bigint }>`
      select pg_stat_get_xact_tuples_updated('items'::regclass) as updated,
        pg_stat_get_xact_tuples_hot_updated('items'::regclass) as "heapOnly"`.execute(tx)
    return rows[0]
  })
  t.strictSame(counts, { updated: 6n, heapOnly: 6n })
})

t.test('the ranking follows every change of an item, also by the former statements', async (t) => {
  const { pool, ...rest } = await createTestDatabase(t, SERVICE.migrations)
  // As the version before the ranking wrote them.
  const changes = [
    `update items set bid_sequence = bid_sequence + 1, current_price = current_price + 5,
       bid_count = bid_count + 1, updated_at = clock_timestamp() where id = $1`,
    `update items set reserve_sequence = 9, reserve_met = true, current_price = current_price + 7
     where id = $1`,
    `update items set status = 'expired', closed_sequence = 9, outcome = 'no_bids',
       closed_at = now(), end_date = now() where id = $1`,
    `update items set status = 'removed' where id = $1`,
    `update items set status = 'active' where id = $1`,
    `update items set status = 'scheduled', currency_code = 'EUR' where id = $1`,
    `update items set name = 'Fork' where id = $1`,
    'delete from items where id = $1',
  ]
  const step = fc.record({ item: fc.nat(2), change: fc.nat(changes.length - 1) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const ids = await insertItems({ pool, ...rest }, 3)
      for (const { item, change } of steps) await pool.query(changes[change] ?? '', [ids[item]])
      t.strictSame((await pool.query(MISRANKED)).rows, [])
    }),
    { numRuns: 40 },
  )
})

t.test('the former search by price answers the same, without the index it had', async (t) => {
  const database = await createTestDatabase(t, SERVICE.migrations)
  const ids = await insertItems(database, 5)
  const db = createDatabase<Database>(database.pool)
  await db.transaction().execute((tx) =>
    projectPlaced(
      tx,
      ids.map((id, index) => bid(id, 10 - index)),
    ),
  )
  const former = await database.pool.query<{ id: string }>(
    `select items.* from items where items.status in ('scheduled', 'active')
       and items.currency_code = 'USD' and items.current_price >= 107
     order by items.current_price, items.id limit 20`,
  )
  t.strictSame(
    former.rows.map(({ id }) => id),
    ids.slice(0, 4).reverse(),
  )
})

t.test('the migration ranks the open items that are there, and no others', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'auction-migrations-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const former = SERVICE.migrations.map(({ name, dir }) => {
    const copy = join(folder, name)
    cpSync(dir, copy, {
      recursive: true,
      filter: (path) => !/\/(002[2-9]|00[3-9]\d)-/.test(path) || name !== 'auction',
    })
    return { name, dir: copy }
  })
  const database = await createTestDatabase(t, former)
  const [ended] = await insertItems(database, 5)
  await database.pool.query(`update items set status = 'expired' where id = $1`, [ended])
  await migrate(database.pool, SERVICE.migrations, log)
  t.strictSame((await database.pool.query(MISRANKED)).rows, [])
  const { rows } = await database.pool.query('select count(*)::int as count from item_ranking')
  t.strictSame(rows, [{ count: 4 }])
})
