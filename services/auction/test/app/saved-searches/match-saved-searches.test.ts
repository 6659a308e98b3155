import { randomUUID } from 'node:crypto'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import t from 'tap'
import { startItems } from '#src/app/listing/start-items.ts'
import { matchSavedSearches } from '#src/app/saved-searches/match-saved-searches.ts'
import { createSearchMetrics } from '#src/app/saved-searches/metrics.ts'
import { purgeSavedSearches } from '#src/app/saved-searches/purge-saved-searches.ts'
import {
  purgeMatches,
  purgeMatchesOfDeleted,
} from '#src/infra/postgres/saved-searches/saved-search-purge.ts'
import {
  build,
  call,
  createDraft,
  createPublished,
  type Fixture,
  inMinutes,
  writtenEvents,
} from '#test/helper.ts'
import type { Person } from '#test/neighbours.ts'

type Filters = Record<string, unknown>

async function save(fixture: Fixture, as: Person, filters: Filters, name = 'Mine') {
  const body = { name, filters }
  const answer = await call(fixture, 'POST', '/api/v1/saved-searches', { as, body })
  if (answer.statusCode !== 201) throw new Error(JSON.stringify(answer.body))
  return answer.body.id
}

const searches = createSearchMetrics(createRegistry('auction'))
/** All that waits, however slow the machine is. */
const match = ({ db }: Fixture, batchSize?: number) =>
  matchSavedSearches({ db, searches }, batchSize, 600_000)

/** Moves what there is some seconds into the past. */
async function age({ database: { pool } }: Fixture) {
  await pool.query(`update search_matchings set queued_at = queued_at - interval '6 seconds'`)
  await pool.query(`update saved_searches set created_at = created_at - interval '6 seconds'`)
}

/** The matches that were published. */
async function published({ database }: Fixture) {
  const events = await writtenEvents(database)
  return events
    .filter(({ key }) => key === 'item.search_matched.v1')
    .map(({ payload }) => payload as Record<'savedSearchId' | 'itemId' | 'userId', string>)
}

t.test('a published item matches the saved searches for it, with one event each', async (t) => {
  const fixture = await build(t)
  const { seller, identity } = fixture
  const ann = identity.person()
  const savedSearchId = await save(fixture, ann, { q: 'silver spoons' }, 'Spoons')
  await save(fixture, ann, { q: 'golden spoons' })
  const itemId = await createPublished(fixture, { name: 'Silver spoon' })
  t.equal(await match(fixture), 1)
  t.match(await published(fixture), [
    {
      savedSearchId,
      itemId,
      userId: ann.id,
      searchName: 'Spoons',
      itemName: 'Silver spoon',
      sellerId: seller.id,
      currencyCode: 'USD',
      currentPrice: '100.00',
    },
  ])
  t.equal(await match(fixture), 0, 'once')
})

t.test('a search matches no item that was public before it was saved', async (t) => {
  const fixture = await build(t)
  const ann = fixture.identity.person()
  await createPublished(fixture)
  await age(fixture)
  const savedSearchId = await save(fixture, ann, {})
  t.equal(await match(fixture), 0)
  const itemId = await createPublished(fixture)
  t.equal(await match(fixture), 1)
  t.match(await published(fixture), [{ savedSearchId, itemId }])
})

t.test("an item does not match its own seller's searches", async (t) => {
  const fixture = await build(t)
  await save(fixture, fixture.seller, {})
  await createPublished(fixture)
  t.equal(await match(fixture), 0)
})

t.test('a draft matches no search', async (t) => {
  const fixture = await build(t)
  await save(fixture, fixture.identity.person(), {})
  await createDraft(fixture)
  t.equal(await match(fixture), 0)
})

t.test('a start is published only for searches for running auctions', async (t) => {
  const fixture = await build(t)
  const ann = fixture.identity.person()
  const any = await save(fixture, ann, {})
  const running = await save(fixture, ann, { status: 'active' })
  const itemId = await createPublished(fixture, { startDate: inMinutes(60) })
  await match(fixture)
  t.match(await published(fixture), [{ savedSearchId: any, itemId }])
  await fixture.database.pool.query(`update items set start_date = now() - interval '1 second'`)
  t.equal(await startItems(fixture.dependencies), 1)
  t.equal(await match(fixture), 1)
  t.match((await published(fixture)).at(-1), { savedSearchId: running, itemId })
})

t.test('an item that is removed and restored is published once', async (t) => {
  const fixture = await build(t)
  const [ann, moderator] = [fixture.identity.person(), fixture.identity.person(['moderator'])]
  await save(fixture, ann, { q: 'spoon' })
  const moderate = async (id: string, action: string) => {
    const body = { reason: 'a test' }
    const url = `/api/v1/moderation/items/${id}/${action}`
    return (await call(fixture, 'POST', url, { as: moderator, body })).statusCode
  }
  const removed = await createPublished(fixture)
  t.equal(await moderate(removed, 'remove'), 204)
  t.equal(await match(fixture), 0, 'a removed item does not match')
  const shown = await createPublished(fixture)
  t.equal(await match(fixture), 1)
  const { pool } = fixture.database
  await pool.query(`update items set status = 'removed' where id = $1`, [shown])
  await pool.query(`update items set status = 'active' where id = $1`, [shown])
  const { rows } = await pool.query('select item_id, reason from search_matchings')
  t.strictSame(rows, [{ item_id: shown, reason: 'restored' }])
  t.equal(await match(fixture), 0)
  t.equal((await published(fixture)).length, 1)
})

t.test('old matches are purged', async (t) => {
  const fixture = await build(t)
  const { db, database, identity } = fixture
  for (const name of ['One', 'Two', 'Three']) await save(fixture, identity.person(), {}, name)
  await createPublished(fixture)
  t.equal(await match(fixture), 3)
  const age = (days: number, name: string) =>
    database.pool.query(
      `update saved_search_matches set matched_at = clock_timestamp() - make_interval(days => $1)
        from saved_searches as search where search.id = saved_search_id and search.name = $2`,
      [days, name],
    )
  await age(181, 'One')
  await age(179, 'Two')
  t.equal(await purgeMatches(db, 180, 10), 1)
  t.equal(await purgeMatches(db, 0, 1), 1, 'a batch at a time')
  const { rows } = await database.pool.query(
    'select name from saved_search_matches join saved_searches on id = saved_search_id',
  )
  t.same(rows, [{ name: 'Three' }], 'the oldest first')
})

t.test('a failure in between repeats nothing and loses nothing', async (t) => {
  const fixture = await build(t)
  for (let count = 0; count < 5; count += 1) await save(fixture, fixture.identity.person(), {})
  await createPublished(fixture)
  const { pool } = fixture.database
  await pool.query(`create function fail() returns trigger language plpgsql as $$
    begin raise exception 'killed'; end $$`)
  t.equal(await match(fixture, 100), 5, 'all at once')
  await createPublished(fixture)
  await pool.query(`create trigger fail before update of after_search_id or delete on search_matchings
    for each row when (old.after_search_id is not null) execute function fail()`)
  await t.rejects(match(fixture, 2), /killed/, 'after the first two')
  t.equal((await published(fixture)).length, 7)
  await pool.query('drop trigger fail on search_matchings')
  t.equal(await match(fixture, 2), 0, 'the item is postponed')
  await pool.query('update search_matchings set retry_at = clock_timestamp()')
  t.equal(await match(fixture, 2), 3)
  const pairs = (await published(fixture)).map((one) => one.savedSearchId + one.itemId)
  t.equal(new Set(pairs).size, 10)
  t.equal(pairs.length, 10)
  const { rowCount } = await pool.query('select from search_matchings')
  t.equal(rowCount, 0)
})

t.test('two workers publish each match once', async (t) => {
  const fixture = await build(t)
  const people = 40
  for (let count = 0; count < people; count += 1) {
    await save(fixture, fixture.identity.person(), { q: 'spoon' })
  }
  const items = [await createPublished(fixture), await createPublished(fixture)]
  await Promise.all([1, 2, 3].map(() => match(fixture, 7)))
  await match(fixture, 7)
  const pairs = (await published(fixture)).map((one) => one.savedSearchId + one.itemId)
  t.equal(pairs.length, people * items.length)
  t.equal(new Set(pairs).size, pairs.length)
})

t.test('a search that is deleted meanwhile gets no match', async (t) => {
  const fixture = await build(t)
  const ann = fixture.identity.person()
  const gone = await save(fixture, ann, {})
  await save(fixture, ann, { type: 'english' })
  await createPublished(fixture)
  const deleter = await fixture.database.pool.connect()
  t.teardown(() => deleter.release())
  await deleter.query('begin')
  await deleter.query('delete from saved_searches where id = $1', [gone])
  t.equal(await match(fixture), 1, 'and is not waited for')
  await deleter.query('commit')
  t.equal((await published(fixture)).length, 1)
  const url = `/api/v1/saved-searches/${await save(fixture, ann, { buyNow: false })}`
  await createPublished(fixture)
  t.equal((await call(fixture, 'DELETE', url, { as: ann })).statusCode, 204)
  t.equal(await match(fixture), 1, 'the other one')
})

t.test('matches of a deleted search are purged in batches, and then the search', async (t) => {
  const fixture = await build(t)
  const { db, database, identity } = fixture
  const [ann, ben] = [identity.person(), identity.person()]
  const url = `/api/v1/saved-searches/${await save(fixture, ann, {})}`
  await save(fixture, ben, {})
  for (let count = 0; count < 3; count += 1) await createPublished(fixture)
  t.equal(await match(fixture), 6)
  const left = async (table: string) => (await database.pool.query(`select from ${table}`)).rowCount
  t.equal((await call(fixture, 'DELETE', url, { as: ann })).statusCode, 204)
  t.equal(await left('saved_searches'), 2, 'no more than one batch at a time')
  t.equal(await purgeMatchesOfDeleted(db, 2), 2, 'a batch at a time')
  await purgeSavedSearches(db, 1)
  t.equal(await left('saved_search_matches'), 3)
  t.equal(await left('saved_searches'), 1)
})

t.test('an item that fails does not delay the others', async (t) => {
  const fixture = await build(t)
  await save(fixture, fixture.identity.person(), {})
  const bad = await createPublished(fixture)
  const good = await createPublished(fixture)
  const { pool } = fixture.database
  await pool.query(`create function fail() returns trigger language plpgsql as $$
    begin raise exception 'no good'; end $$`)
  await pool.query(`create trigger fail before insert on saved_search_matches
    for each row when (new.item_id = '${bad}') execute function fail()`)
  await t.rejects(match(fixture), /no good/)
  t.match(await published(fixture), [{ itemId: good }])
  const aside = 'select attempts, retry_at > clock_timestamp() as later from search_matchings'
  t.same((await pool.query(aside)).rows, [{ attempts: 1, later: true }])
  t.equal(await match(fixture), 0, 'and it is not tried at once again')
})

t.test('a search that is saved while an item comes up matches it', async (t) => {
  const fixture = await build(t)
  const ann = fixture.identity.person()
  const itemId = await createPublished(fixture, { startDate: inMinutes(60) })
  t.equal(await match(fixture), 0)
  const publisher = await fixture.database.pool.connect()
  t.teardown(() => publisher.release())
  await publisher.query('begin')
  await publisher.query(`update items set status = 'active' where id = $1`, [itemId])
  const saved = await save(fixture, ann, { status: 'active' })
  await publisher.query('commit')
  // As long as a publication may take.
  await fixture.database.pool.query(
    `update saved_searches set created_at = queued_at + interval '4 seconds' from search_matchings`,
  )
  t.equal(await match(fixture), 1)
  t.match(await published(fixture), [{ savedSearchId: saved, itemId }])
})

t.test('a search for scheduled items matches an item that has started since', async (t) => {
  const fixture = await build(t)
  const [ann, ben] = [fixture.identity.person(), fixture.identity.person()]
  await save(fixture, ann, { status: 'scheduled' })
  await save(fixture, ben, { status: 'active' })
  await createPublished(fixture, { startDate: inMinutes(60) })
  await fixture.database.pool.query(`update items set start_date = now() - interval '1 second'`)
  t.equal(await startItems(fixture.dependencies), 1)
  t.equal(await match(fixture), 2)
  t.same((await published(fixture)).map(({ userId }) => userId).sort(), [ann.id, ben.id].sort())
})

t.test('a saved search is for exactly the items that the search finds', async (t) => {
  const fixture = await build(t)
  const { identity, seller } = fixture
  const admin = identity.person(['admin'])
  const category = async (name: string, parent_id: string | null) =>
    (await call(fixture, 'POST', '/api/v1/categories', { as: admin, body: { name, parent_id } }))
      .body.id
  const art = await category('Art', null)
  const prints = await category('Prints', art)
  const tools = await category('Tools', null)
  await call(fixture, 'PUT', `/api/v1/categories/${art}/attributes`, {
    as: admin,
    body: { attributes: [{ key: 'width', label: 'Width', kind: 'number', unit: 'cm' }] },
  })
  const other = identity.person()
  const filters: Filters[] = [
    {},
    { q: 'woodcut' },
    { q: 'woodcut -framed' },
    { q: '"old woodcut" or vase' },
    { category: art },
    { category: prints },
    { category: tools },
    { type: 'english' },
    { type: 'dutch' },
    { seller: seller.id },
    { seller: randomUUID() },
    { currencyCode: 'EUR' },
    { currencyCode: 'USD', minPrice: '20' },
    { currencyCode: 'USD', minPrice: '20.01' },
    { currencyCode: 'USD', maxPrice: '20', q: 'woodcut' },
    { buyNow: true },
    { buyNow: false },
    { attribute: 'width:30' },
    { attribute: ['width:30.0', 'width:broad'] },
    { attribute: ['width:030', 'width:300.5'] },
    { attribute: 'width:10..40' },
    { attribute: 'width:..29.5' },
    { attribute: ['width:30..', 'maker:dürer'] },
    { attribute: ['maker:dürer', 'maker:unknown'] },
    { status: 'scheduled' },
    { status: 'active', category: art, q: 'woodcut' },
  ]
  const saved = new Map<string, Filters>()
  for (const one of filters) saved.set(await save(fixture, other, one), one)
  const list = async (changes: Filters, categories: string[], attributes: object[]) => {
    const id = await createDraft(fixture, changes)
    const url = `/api/v1/items/${id}`
    const as = seller
    await call(fixture, 'PUT', `${url}/categories`, { as, body: { categories } })
    if (attributes.length > 0) {
      await call(fixture, 'POST', `${url}/attributes`, { as, body: { attributes } })
    }
    await call(fixture, 'POST', `${url}/publish`, { as })
  }
  const dürer = { key: 'maker', value: 'dürer' }
  const wide = (value: string) => ({ key: 'width', value })
  await list({ name: 'Old woodcut', startPrice: '20.00' }, [prints], [dürer, wide('30')])
  await list({ name: 'Framed woodcut', buyoutPrice: '900.00' }, [art], [wide('9')])
  await list({ name: 'Vase', currencyCode: 'EUR', endDate: inMinutes(40) }, [], [])
  await list({ name: 'Plane', startDate: inMinutes(60) }, [tools], [dürer, wide('300.50')])
  await match(fixture, 4)
  const events = await published(fixture)
  t.ok(events.length > 25, `${events.length} pairs`)
  for (const [id, one] of saved) {
    const { attribute = [], ...rest } = one
    const query = new URLSearchParams(rest as Record<string, string>)
    for (const value of [attribute].flat()) query.append('attribute', value as string)
    const { body } = await call(fixture, 'GET', `/api/v1/items/search?${query}`)
    const isSimilar = body.spelling === 'similar'
    const found = isSimilar ? [] : (body.items as { id: string }[]).map((item) => item.id).sort()
    const matched = events.filter(({ savedSearchId }) => savedSearchId === id)
    t.strictSame(matched.map(({ itemId }) => itemId).sort(), found, JSON.stringify(one))
  }
})
