import { randomUUID } from 'node:crypto'
import {
  ITEM_SUMMARIES_MAX,
  ITEM_SUMMARIES_PATH,
  type ItemSummaries,
  NEXT_PATH,
} from '@auction/common/contracts/item-summaries.ts'
import t from 'tap'
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
