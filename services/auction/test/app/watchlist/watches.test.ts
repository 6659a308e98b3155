import { userDeleted } from '@auction/common/contracts/identity.ts'
import { sql } from 'kysely'
import t from 'tap'
import { consume, event } from '#test/bid-history.ts'
import { build, call, createDraft, createPublished } from '#test/helper.ts'

const WATCHLIST = '/api/v1/watchlist'
const watch = (id: string) => `/api/v1/items/${id}/watch`

t.test(
  '50 parallel toggles are counted correctly, and watching again changes nothing',
  async (t) => {
    const fixture = await build(t)
    const id = await createPublished(fixture)
    const people = Array.from({ length: 10 }, () => fixture.identity.person())
    const toggles = people.flatMap((as) =>
      (['PUT', 'DELETE', 'PUT', 'DELETE', 'PUT'] as const).map((method) => ({ as, method })),
    )
    const answers = await Promise.all(
      toggles.map(({ as, method }) => call(fixture, method, watch(id), { as })),
    )
    t.ok(answers.every(({ statusCode }) => statusCode === 204))
    const lists = await Promise.all(people.map((as) => call(fixture, 'GET', WATCHLIST, { as })))
    const watching = lists.filter(({ body }) => (body.items as unknown[]).length === 1).length
    const read = () => call(fixture, 'GET', `/api/v1/items/${id}`)
    t.equal((await read()).body.watchCount, watching)
    for (const method of ['PUT', 'PUT', 'DELETE', 'DELETE'] as const) {
      await Promise.all(people.map((as) => call(fixture, method, watch(id), { as })))
      t.equal((await read()).body.watchCount, method === 'PUT' ? 10 : 0)
    }
  },
)

t.test('the watchlist is paged, the latest first, and belongs to one user', async (t) => {
  const fixture = await build(t)
  const [ann, bob] = [fixture.identity.person(), fixture.identity.person()]
  const ids: string[] = []
  for (let n = 0; n < 3; n++) ids.push(await createPublished(fixture))
  for (const id of ids) await call(fixture, 'PUT', watch(id), { as: ann })
  // All at one instant: then the item decides, and none is lost between two pages.
  await sql`update watches set created_at = date_trunc('second', created_at)`.execute(fixture.db)
  const shown: string[] = []
  const times: string[] = []
  let cursor: unknown
  let first: unknown
  do {
    const url = `${WATCHLIST}?limit=1${cursor === undefined ? '' : `&cursor=${cursor}`}`
    const { body } = await call(fixture, 'GET', url, { as: ann })
    for (const { item, watchedAt } of body.items as { item: { id: string }; watchedAt: string }[]) {
      shown.push(item.id)
      times.push(watchedAt)
    }
    cursor = body.nextCursor
    first ??= cursor
  } while (cursor !== undefined)
  t.strictSame(shown, [...ids].sort().reverse())
  t.strictSame(times, [...times].sort().reverse())
  t.strictSame((await call(fixture, 'GET', WATCHLIST, { as: bob })).body.items, [])
  t.match(await call(fixture, 'GET', `${WATCHLIST}?cursor=${first}`, { as: bob }), {
    statusCode: 400,
    body: { code: 'item.watch.cursor_invalid' },
  })
})

t.test('bad input is refused', async (t) => {
  const fixture = await build(t)
  const as = fixture.identity.person()
  const draft = await createDraft(fixture)
  for (const id of [draft, '018f0000-0000-7000-8000-000000000000']) {
    t.match(await call(fixture, 'PUT', watch(id), { as }), {
      statusCode: 404,
      body: { code: 'item.watch.item_not_found' },
    })
  }
  for (const id of ['1', '%00', 'x'.repeat(90)]) {
    t.equal((await call(fixture, 'PUT', watch(id), { as })).statusCode, 400, id)
  }
  for (const query of ['cursor=%00', 'cursor=AAAA', `cursor=${'A'.repeat(401)}`, 'limit=101']) {
    t.equal((await call(fixture, 'GET', `${WATCHLIST}?${query}`, { as })).statusCode, 400, query)
  }
  t.equal((await call(fixture, 'GET', WATCHLIST)).statusCode, 401)
  t.equal((await call(fixture, 'PUT', watch(draft))).statusCode, 401)
})

t.test('the item says whether you watch it', async (t) => {
  const fixture = await build(t)
  const [ann, bob] = [fixture.identity.person(), fixture.identity.person()]
  const id = await createPublished(fixture)
  await call(fixture, 'PUT', watch(id), { as: ann })
  const seenBy = async (as: typeof ann | undefined) =>
    (await call(fixture, 'GET', `/api/v1/items/${id}`, { as })).body
  t.match(await seenBy(ann), { watchCount: 1, isWatched: true })
  t.match(await seenBy(bob), { watchCount: 1, isWatched: false })
  t.equal((await seenBy(undefined)).isWatched, undefined)
})

t.test('a user watches at most a thousand items, and keeps what they watch already', async (t) => {
  const fixture = await build(t)
  const as = fixture.identity.person()
  const [first, last] = [await createPublished(fixture), await createPublished(fixture)]
  await call(fixture, 'PUT', watch(first), { as })
  const copies = (status: string) => sql`
    with copied as (
      insert into items select copy.* from items, generate_series(1, 999) as n,
        jsonb_populate_record(items, jsonb_build_object(
          'id', md5(${status}::text || n)::uuid, 'status', ${status}::text)) as copy
       where items.id = ${first} returning id
    )
    insert into watches (item_id, user_id) select id, ${as.id}::uuid from copied`
  await copies('removed').execute(fixture.db)
  t.equal(
    (await call(fixture, 'PUT', watch(last), { as })).statusCode,
    204,
    'hidden ones count not',
  )
  await call(fixture, 'DELETE', watch(last), { as })
  await copies('active').execute(fixture.db)
  t.match(await call(fixture, 'PUT', watch(last), { as }), {
    statusCode: 409,
    body: { code: 'item.watch.too_many' },
  })
  t.equal((await call(fixture, 'PUT', watch(first), { as })).statusCode, 204)
  await call(fixture, 'DELETE', watch(first), { as })
  t.equal((await call(fixture, 'PUT', watch(last), { as })).statusCode, 204)
})

t.test('a deleted account watches nothing any more', async (t) => {
  const fixture = await build(t)
  const [ann, bob] = [fixture.identity.person(), fixture.identity.person()]
  const id = await createPublished(fixture)
  for (const as of [ann, bob]) await call(fixture, 'PUT', watch(id), { as })
  const deleted = event(userDeleted, ann.id, { userId: ann.id })
  await consume(fixture.dependencies, [deleted])
  await consume(fixture.dependencies, [deleted])
  t.equal((await call(fixture, 'GET', `/api/v1/items/${id}`)).body.watchCount, 1)
  t.strictSame((await call(fixture, 'GET', WATCHLIST, { as: ann })).body.items, [])
})
