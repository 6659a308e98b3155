import { randomUUID } from 'node:crypto'
import {
  ITEM_SUMMARIES_MAX,
  ITEM_SUMMARIES_PATH,
  type ItemSummaries,
  NEXT_PATH,
} from '@auction/common/contracts/item-summaries.ts'
import t from 'tap'
import { purgeCategoriesBefore } from '#src/app/catalogue/purge-categories-before.ts'
import { build, call, createDraft, createPublished, type Fixture } from '#test/helper.ts'
import { serviceHeaders } from '#test/neighbours.ts'

const ask = (fixture: Fixture, itemIds: unknown, headers: Record<string, string>) =>
  call(fixture, 'POST', ITEM_SUMMARIES_PATH, { headers, body: { itemIds } })

t.test('other services learn what items are called, whatever their state', async (t) => {
  const fixture = await build(t)
  const { db, seller } = fixture
  const draft = await createDraft(fixture, { name: 'Letters' })
  const hidden = await createPublished(fixture, { name: 'Silver fork', currencyCode: 'EUR' })
  await db.updateTable('items').set({ status: 'removed' }).where('id', '=', hidden).execute()
  const itemIds = [hidden, randomUUID(), draft]
  const { statusCode, body } = await ask(fixture, itemIds, serviceHeaders())
  t.equal(statusCode, 200)
  const { items } = body as unknown as ItemSummaries
  t.same(
    items.toSorted((left, right) => left.name.localeCompare(right.name)),
    [
      {
        id: draft,
        sellerId: seller.id,
        name: 'Letters',
        currencyCode: 'USD',
        sequence: 1,
        categoryIds: [],
      },
      {
        id: hidden,
        sellerId: seller.id,
        name: 'Silver fork',
        currencyCode: 'EUR',
        sequence: 3,
        categoryIds: [],
      },
    ],
    'unknown items are left out',
  )
})

t.test('only other services may ask, for at most a hundred items', async (t) => {
  const fixture = await build(t)
  const ids = (count: number) => Array.from({ length: count }, () => randomUUID())
  t.equal((await ask(fixture, ids(1), fixture.seller.headers)).statusCode, 401)
  t.equal((await ask(fixture, ids(1), {})).statusCode, 401)
  t.equal((await ask(fixture, ids(ITEM_SUMMARIES_MAX), serviceHeaders())).statusCode, 200)
  t.equal((await ask(fixture, ids(ITEM_SUMMARIES_MAX + 1), serviceHeaders())).statusCode, 400)
  t.equal((await ask(fixture, [], serviceHeaders())).statusCode, 400)
  t.equal((await ask(fixture, ['all'], serviceHeaders())).statusCode, 400)
})

t.test('the categories of an item come with those above them, the closest first', async (t) => {
  const fixture = await build(t)
  const { db } = fixture
  const id = await createDraft(fixture, { name: 'A watch' })
  const ids: Record<string, string> = {}
  const add = async (name: string, parent?: string) => {
    ids[name] = randomUUID()
    const parent_id = parent === undefined ? null : (ids[parent] ?? null)
    await db
      .insertInto('categories')
      .values({ id: ids[name], parent_id, name, description: '', status: 'active' })
      .execute()
  }
  await add('jewellery')
  await add('watches', 'jewellery')
  await add('wrist', 'watches')
  await add('gifts')
  await db
    .updateTable('items')
    .set({ category_ids: [ids.wrist ?? '', ids.gifts ?? '', ids.jewellery ?? ''] })
    .where('id', '=', id)
    .execute()
  const { body } = await ask(fixture, [id], serviceHeaders())
  const [item] = (body as unknown as ItemSummaries).items
  t.same(
    item?.categoryIds?.map((one) => Object.keys(ids).find((name) => ids[name] === one) ?? one),
    ['wrist', 'watches', 'jewellery', NEXT_PATH, 'gifts', NEXT_PATH, 'jewellery'],
    'each with those above it, apart',
  )
})

t.test('the categories of a sale are those of its instant, whatever moved since', async (t) => {
  const fixture = await build(t)
  const { database, seller } = fixture
  const as = fixture.identity.person(['user', 'admin'])
  const nameOf = new Map([[NEXT_PATH, '|']])
  const add = async (name: string, parent_id: string | null) => {
    const body = { name, parent_id }
    const { id } = (await call(fixture, 'POST', '/api/v1/categories', { as, body })).body
    nameOf.set(id, name)
    return id as string
  }
  const jewellery = await add('jewellery', null)
  const watches = await add('watches', jewellery)
  const wrist = await add('wrist', watches)
  const gifts = await add('gifts', null)
  const itemId = await createPublished(fixture, { name: 'A watch' })
  const other = await createPublished(fixture, { name: 'Another' })
  const put = async (id: string, categories: string[]) =>
    (
      await call(fixture, 'PUT', `/api/v1/items/${id}/categories`, {
        as: seller,
        body: { categories },
      })
    ).statusCode
  const now = async () => {
    const { rows } = await database.pool.query<{ at: string }>(
      `select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
    )
    return rows[0]?.at ?? ''
  }
  const lineage = async (...soldAt: string[]) => {
    const itemIds = [itemId, other].slice(0, soldAt.length || 1)
    const body = { itemIds, ...(soldAt.length === 0 ? {} : { soldAt }) }
    const answer = await call(fixture, 'POST', ITEM_SUMMARIES_PATH, {
      headers: serviceHeaders(),
      body,
    })
    const { items } = answer.body as unknown as ItemSummaries
    return itemIds.map((id) =>
      items.find((item) => item.id === id)?.categoryIds?.map((one) => nameOf.get(one)),
    )
  }
  const none = await now()
  t.equal(await put(itemId, [wrist, gifts]), 200)
  t.equal(await put(other, [watches]), 200)
  const sold = await now()
  const path = ['wrist', 'watches', 'jewellery', '|', 'gifts']
  t.same(await lineage(sold), [path])
  t.equal(await put(itemId, [gifts]), 200, 'the seller moves it to a cheaper one')
  const moved = await call(fixture, 'PUT', `/api/v1/categories/${watches}`, {
    as,
    body: { parent_id: gifts, name: 'old watches' },
  })
  t.equal(moved.statusCode, 200, 'and an administrator the category')
  const later = await now()
  for (const id of [wrist, jewellery]) {
    const deleted = await call(fixture, 'DELETE', `/api/v1/categories/${id}`, { as })
    t.equal(deleted.statusCode, 204, 'or deletes it, now that it is empty')
  }
  t.same(await lineage(sold, sold), [path, ['watches', 'jewellery']])
  t.same(await lineage(later, later), [['gifts'], ['watches', 'gifts']])
  t.same(await lineage(none, later), [[], ['watches', 'gifts']])
  t.same(await lineage(), [['gifts']], 'without an instant those of now')
  for (const soldAt of [[sold], [sold, sold, sold]]) {
    const { statusCode, body } = await call(fixture, 'POST', ITEM_SUMMARIES_PATH, {
      headers: serviceHeaders(),
      body: { itemIds: [itemId, other], soldAt },
    })
    t.match([statusCode, body.code], [400, 'request.invalid_body'], 'an instant for each item')
    t.match(body.details, { field: soldAt.length === 1 ? 'soldAt.1' : 'soldAt.2' })
  }

  // The sale was longer ago than any outage and what comes after one.
  const age = (days: number) =>
    database.pool.query(
      `with items_aged as (update item_categories_before set until = until - ${days} * interval '24 hours')
       update category_places_before set until = until - ${days} * interval '24 hours'`,
    )
  const ago = async (at: string, days: number) => {
    const { rows } = await database.pool.query<{ at: string }>(
      `select to_char(($1::timestamptz - ${days} * interval '24 hours') at time zone 'utc',
         'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
      [at],
    )
    return rows[0]?.at ?? ''
  }
  const rowsKept = async () => {
    const { rows } = await database.pool.query<{ count: number }>(
      `select ((select count(*) from item_categories_before)
         + (select count(*) from category_places_before))::int as count`,
    )
    return rows[0]?.count ?? 0
  }
  const kept = await rowsKept()
  await age(89)
  await purgeCategoriesBefore(fixture.db)
  t.equal(await rowsKept(), kept)
  t.same(await lineage(await ago(sold, 89)), [path], 'a sale of long ago')
  t.equal(await put(other, [gifts]), 200)
  await age(2)
  await purgeCategoriesBefore(fixture.db)
  t.equal(await rowsKept(), 1, 'what was changed lately is kept')
})
