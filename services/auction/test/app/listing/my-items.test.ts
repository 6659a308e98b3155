import t from 'tap'
import { build, call, createDraft, createPublished, inMinutes } from '#test/helper.ts'

const MINE = '/api/v1/my/items'

t.test('a seller sees their own items by state, newest first, with counts', async (t) => {
  const fixture = await build(t)
  const { seller } = fixture
  const stranger = fixture.identity.person()
  const drafts = [await createDraft(fixture), await createDraft(fixture)]
  const open = await createPublished(fixture)
  const later = await createPublished(fixture, { startDate: inMinutes(30) })
  const sold = await createPublished(fixture)
  await fixture.database.pool.query(`update items set status = 'cancelled' where id = $1`, [sold])
  await createDraft(fixture, {}, stranger)
  const mine = async (query: string, as = seller) =>
    (await call(fixture, 'GET', `${MINE}?${query}`, { as })).body
  const ids = (body: Record<string, unknown>) =>
    (body.items as { id: string }[]).map(({ id }) => id)

  const all = await mine('')
  t.strictSame(ids(all), [sold, later, open, ...drafts.toReversed()])
  t.match(all, { counts: { draft: 2, scheduled: 1, active: 1, cancelled: 1, sold: 0 } })
  t.strictSame(ids(await mine('status=draft')), drafts.toReversed())
  t.match(await mine('status=draft'), { counts: { active: 1 } }, 'counts are of all states')
  t.equal(ids(await mine('', stranger)).length, 1)

  const seen: string[] = []
  let cursor = ''
  do {
    const page = await mine(`limit=2${cursor}`)
    seen.push(...ids(page))
    cursor = page.nextCursor === undefined ? '' : `&cursor=${page.nextCursor}`
  } while (cursor !== '')
  t.strictSame(seen, ids(all))

  const { nextCursor } = await mine('limit=1')
  for (const [query, as] of [
    [`cursor=${nextCursor}`, stranger],
    [`cursor=${nextCursor}&status=draft`, seller],
    [`cursor=A${nextCursor}`, seller],
  ] as const) {
    t.match(await mine(query, as), { code: 'item.list.cursor_invalid' }, query)
  }
  for (const query of ['status=new', 'limit=0', 'limit=101', 'cursor=', 'x=1', 'status=%00']) {
    t.match(await mine(query), { code: 'request.invalid_query' }, query)
  }
  t.equal((await call(fixture, 'GET', MINE)).statusCode, 401)
})

t.test('the public list continues from a cursor, also when items come and go', async (t) => {
  const fixture = await build(t)
  const at = inMinutes(100)
  const made: string[] = []
  for (let n = 0; n < 5; n++) made.push(await createPublished(fixture, { endDate: at }))
  const list = async (query: string) => (await call(fixture, 'GET', `/api/v1/items?${query}`)).body
  const ids = (body: Record<string, unknown>) =>
    (body.items as { id: string }[]).map(({ id }) => id)
  for (const [sort, expected] of [
    ['endDate', [...made].sort()],
    ['-endDate', [...made].sort().reverse()],
  ] as const) {
    const seen: string[] = []
    let cursor = ''
    do {
      const page = await list(`sort=${sort}&limit=2${cursor}`)
      t.equal(page.totalItems, 5)
      seen.push(...ids(page))
      cursor = page.nextCursor === undefined ? '' : `&cursor=${page.nextCursor}`
    } while (cursor !== '')
    t.strictSame(seen, expected, sort)
  }
  t.equal((await list('limit=5')).nextCursor, undefined, 'a full page may be the last one')
  const first = await list('limit=2')
  await createPublished(fixture, { endDate: inMinutes(50) })
  const second = await list(`limit=2&cursor=${first.nextCursor}`)
  t.strictSame(ids(second), [...made].sort().slice(2, 4), 'what came before moves nothing')
  for (const query of [
    `cursor=${first.nextCursor}&sort=-endDate`,
    `cursor=${first.nextCursor}&status=active`,
    `cursor=${first.nextCursor}&page=2`,
    'cursor=AAAA',
  ]) {
    t.match(await list(query), { code: 'item.list.cursor_invalid' }, query)
  }
})

t.test('own items are found by a part of their name', async (t) => {
  const fixture = await build(t)
  const { seller } = fixture
  for (const name of ['Walnut Desk', 'walnut 100% wax', 'Oak chair'])
    await createDraft(fixture, { name })
  const names = async (q: string) => {
    const url = `${MINE}?q=${encodeURIComponent(q)}`
    const { body } = await call(fixture, 'GET', url, { as: seller })
    return (body.items as { name: string }[]).map(({ name }) => name)
  }
  t.strictSame(await names('WALNUT'), ['walnut 100% wax', 'Walnut Desk'])
  t.strictSame(await names('0%'), ['walnut 100% wax'], 'no letter stands for others')
  t.strictSame(await names('_'), [])
  await createDraft(fixture, { name: 'ALTIN YÜZÜK' })
  await createDraft(fixture, { name: 'A--B' })
  await createDraft(fixture, { name: '★ one' })
  t.strictSame(await names('altın yüzük'), ['ALTIN YÜZÜK'])
  t.strictSame(await names('yuzu'), ['ALTIN YÜZÜK'])
  t.strictSame(await names('A--B'), ['A--B'])
  t.strictSame(await names('★'), ['★ one'], 'a sign that is no word')
})
