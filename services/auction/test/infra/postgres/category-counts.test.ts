import { randomUUID } from 'node:crypto'
import { createTestDatabase } from '@auction/common/testing/database.ts'
import t from 'tap'
import { countItems } from '#src/infra/postgres/catalogue/categories.ts'
import { SERVICE } from '#src/service.ts'
import { explain, readsWhole, recordStatements } from '#test/search-plans.ts'

t.test('items are counted by categories in an index that has nothing else', async (t) => {
  const { pool } = await createTestDatabase(t, SERVICE.migrations)
  const [one, other] = [randomUUID(), randomUUID()]
  const client = await pool.connect()
  t.teardown(() => client.release(true))
  // They are counted, not searched for: no document is made of each.
  await client.query('set session_replication_role = replica')
  await client.query(
    `insert into items (id, seller_id, name, description, currency_code, start_price, start_date,
       original_end_date, end_date, status, terms_version, published_at, current_price, reserve_met,
       buy_now_available, category_ids)
     select gen_random_uuid(), gen_random_uuid(), 'Silver spoon', repeat(md5(n::text), 20), 'USD', 100,
       now(), now() + interval '1 day', now() + interval '1 day',
       case n % 5 when 0 then 'draft' else 'active' end, case n % 5 when 0 then 0 else 1 end,
       case n % 5 when 0 then null else now() end, 100, true, false,
       case n % 4 when 0 then '{}' when 1 then array[$1::uuid] else array[$1::uuid, $2::uuid] end
     from generate_series(1, 10000) as n`,
    [one, other],
  )
  await client.query('vacuum analyze items')
  const { db, take } = recordStatements(pool)
  const counts = await countItems(db)
  t.same(Object.fromEntries(counts.map(({ categoryIds, count }) => [categoryIds.length, count])), {
    1: 2_000,
    2: 4_000,
  })
  const [counted, ...others] = take()
  if (counted === undefined) throw new Error('nothing was asked')
  t.strictSame(others, [])
  const plan = await explain(pool, counted)
  t.match(plan, 'Index Only Scan using items_of_categories on items')
  t.strictSame(readsWhole(plan), [])
})
