import t from 'tap'
import { COUNTED_MAX, createItemLists } from '#src/infra/postgres/listing/item-list.ts'
import { build, call } from '#test/helper.ts'
import { explain, readsWhole, recordStatements } from '#test/search-plans.ts'

const LIMIT = 100
const PAGES = COUNTED_MAX / LIMIT

t.test('a public list counts 10,000 items, and a cursor leads to those behind them', async (t) => {
  const fixture = await build(t)
  const { seller } = fixture
  const { pool } = fixture.database
  const client = await pool.connect()
  t.teardown(() => client.release(true))
  // They are listed, not searched for: no document is made of each.
  await client.query('set session_replication_role = replica')
  const insert = (from: number, to: number) =>
    client.query(
      `insert into items (id, seller_id, name, currency_code, start_price, start_date,
         original_end_date, end_date, status, terms_version, published_at, current_price, reserve_met,
         buy_now_available)
       select gen_random_uuid(), $1, 'Spoon ' || n, 'USD', 100, at, at + interval '1 day',
         at + interval '1 day', 'active', 1, at, 100, true, false
       from generate_series($2::int, $3::int) as n, lateral (
         select now() - interval '1 hour' + n * interval '1 millisecond' as at) as start`,
      [seller.id, from, to],
    )
  const list = (query: string, as?: typeof seller) =>
    call(fixture, 'GET', `/api/v1/items?limit=${LIMIT}&${query}`, { as })
  const names = (body: Record<string, unknown>) =>
    (body.items as { name: string }[]).map(({ name }) => name)

  await insert(1, COUNTED_MAX)
  t.match((await list('status=active')).body, {
    totalItems: COUNTED_MAX,
    isTotalExact: true,
    totalPages: PAGES,
  })
  await insert(COUNTED_MAX + 1, COUNTED_MAX + 1)
  const many = { totalItems: COUNTED_MAX, isTotalExact: false, totalPages: PAGES }
  t.match((await list('page=2')).body, { page: 2, ...many })
  const { body: deepest } = await list(`page=${PAGES}`)
  t.match(deepest, many)
  t.match(names(deepest), { length: LIMIT, 99: `Spoon ${COUNTED_MAX}` })
  const { body: behind } = await list(`cursor=${deepest.nextCursor}`)
  t.match(behind, many)
  t.strictSame(names(behind), [`Spoon ${COUNTED_MAX + 1}`])
  t.notOk('nextCursor' in behind)
  const error = { code: 'request.invalid_query', details: { field: 'page' } }
  for (const query of [`page=${PAGES + 1}`, 'page=10000', `page=${PAGES + 1}&status=sold`]) {
    t.match(await list(query), { statusCode: 400, body: error }, query)
    t.match(await list(query, seller), { statusCode: 400, body: error }, query)
  }
  const { body: own } = await list(`mine=true&page=${PAGES + 1}`, seller)
  t.match(own, { totalItems: COUNTED_MAX + 1, isTotalExact: true, totalPages: PAGES + 1 })
  t.strictSame(names(own), [`Spoon ${COUNTED_MAX + 1}`])

  await client.query('vacuum analyze items')
  const { db, take } = recordStatements(pool)
  for (const status of [undefined, 'active'] as const) {
    const page = { sellerId: undefined, status, order: 'asc' as const, limit: 10, offset: 0 }
    await createItemLists(db).read(page)
    const [counted] = take().filter(({ sql }) => sql.includes('count('))
    if (counted === undefined) throw new Error('nothing was counted')
    const plan = await explain(pool, counted)
    t.match(plan, /Limit .*\n.*Index Only Scan using items_(public|by_status) on items/)
    t.strictSame(readsWhole(plan), [])
  }
})
