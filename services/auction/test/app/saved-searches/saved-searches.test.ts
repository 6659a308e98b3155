import { randomUUID } from 'node:crypto'
import { userDeleted } from '@auction/common/contracts/identity.ts'
import t from 'tap'
import { SAVED_MAX } from '#src/domain/search.ts'
import { consume, event } from '#test/bid-history.ts'
import { build, call, type Fixture } from '#test/helper.ts'
import type { Person } from '#test/neighbours.ts'

const SAVED = '/api/v1/saved-searches'

const save = (fixture: Fixture, as: Person, filters: object, name = 'Mine') =>
  call(fixture, 'POST', SAVED, { as, body: { name, filters } })

async function saved(fixture: Fixture, as: Person) {
  const { body } = await call(fixture, 'GET', SAVED, { as })
  return body.items as { id: string; name: string; filters: object }[]
}

t.test('people save searches, see their own and delete them', async (t) => {
  const fixture = await build(t)
  const [ann, ben] = [fixture.identity.person(), fixture.identity.person()]
  const filters = { q: 'silver "spoon"', currencyCode: 'USD', maxPrice: '20.50', buyNow: true }
  const { statusCode, body } = await save(fixture, ann, filters, '  Spoons ')
  t.equal(statusCode, 201)
  t.match(body, { name: 'Spoons', filters })
  t.match(await saved(fixture, ann), [{ id: body.id, name: 'Spoons', filters }])
  t.strictSame(await saved(fixture, ben), [])
  const remove = (as: Person, id: string) => call(fixture, 'DELETE', `${SAVED}/${id}`, { as })
  t.match(await remove(ben, body.id), { statusCode: 404, body: { code: 'saved_search.not_found' } })
  t.match(await remove(ann, randomUUID()), { statusCode: 404 })
  t.match(await remove(ann, '1'), { statusCode: 400 })
  t.equal((await remove(ann, body.id)).statusCode, 204)
  t.match(await remove(ann, body.id), { statusCode: 404 })
  t.strictSame(await saved(fixture, ann), [])
  for (const method of ['GET', 'POST'] as const) {
    const answer = await call(fixture, method, SAVED, method === 'GET' ? {} : { body: {} })
    t.equal(answer.statusCode, 401, `${method} without a token`)
  }
})

t.test('a search that was saved under other bounds is read', async (t) => {
  const fixture = await build(t)
  const ann = fixture.identity.person()
  await save(fixture, ann, { attribute: 'width:20' })
  const attribute = Array.from({ length: 11 }, (_, index) => `width${index}:20`)
  await fixture.db
    .updateTable('saved_searches')
    .set({ filters: JSON.stringify({ attribute }) })
    .execute()
  t.match(await saved(fixture, ann), [{ filters: { attribute } }])
})

t.test('what cannot be searched for cannot be saved', async (t) => {
  const fixture = await build(t)
  const ann = fixture.identity.person()
  const refused: [object, unknown][] = [
    [{ q: 'a\0b' }, { details: { field: 'q', reason: 'not_printable' } }],
    [{ q: '\ud800' }, { details: { field: 'q', reason: 'not_printable' } }],
    [{ q: 'x'.repeat(10_000) }, {}],
    [{ q: '?!' }, { code: 'saved_search.validation_failed', details: { reason: 'no_words' } }],
    [{ q: '""' }, { details: { reason: 'no_words' } }],
    [{ q: '   ' }, { details: { reason: 'no_words' } }],
    [{ q: '-'.repeat(200) }, { details: { reason: 'no_words' } }],
    [{ q: '-!'.repeat(100) }, { details: { reason: 'too_complex' } }],
    [{ status: 'sold' }, { code: 'request.invalid_body' }],
    [{ status: 'ended' }, { code: 'request.invalid_body' }],
    [{ endingWithinMinutes: 60 }, { code: 'request.invalid_body' }],
    [{ colour: 'red' }, {}],
    [{ limit: 5 }, {}],
    [{ category: randomUUID() }, { details: { field: 'category', reason: 'not_found' } }],
    [{ category: 'x' }, {}],
    [{ minPrice: '1.00' }, { details: { field: 'minPrice', reason: 'needs_currency' } }],
    [{ minPrice: '-1', currencyCode: 'USD' }, { details: { field: 'minPrice' } }],
    [{ attribute: 'Width:1' }, { details: { field: 'attribute' } }],
    [{ attribute: 'width:\ud800' }, { details: { field: 'attribute' } }],
    [{ status: 'draft' }, {}],
    [{ sort: 'price' }, { details: { field: 'sort' } }],
    [{ endingWithinMinutes: 0 }, {}],
  ]
  for (const [filters, expected] of refused) {
    t.match(
      await save(fixture, ann, filters),
      { statusCode: 400, body: expected },
      JSON.stringify(filters).slice(0, 60),
    )
  }
  for (const name of ['', '  ', 'a\0', '\ud800', 'x'.repeat(101), 'x'.repeat(10_000)]) {
    t.equal((await save(fixture, ann, {}, name)).statusCode, 400, name.slice(0, 10))
  }
  t.equal((await save(fixture, ann, {}, '𝒳'.repeat(100))).statusCode, 201, 'counted as people do')
  t.equal((await call(fixture, 'POST', SAVED, { as: ann, body: { name: 'a' } })).statusCode, 400)
})

t.test('the last place is taken once', async (t) => {
  const fixture = await build(t)
  const ann = fixture.identity.person()
  const cheap = (count: number) => ({ currencyCode: 'USD', maxPrice: `${count}.00` })
  for (let count = 1; count < SAVED_MAX; count += 1) await save(fixture, ann, cheap(count))
  const more = [101, 102, 103, 104]
  const answers = await Promise.all(more.map((count) => save(fixture, ann, cheap(count))))
  const refused = answers.filter(({ statusCode }) => statusCode === 409)
  t.equal(refused.length, 3)
  t.match(refused[0]?.body, { code: 'saved_search.too_many', details: { limit: SAVED_MAX } })
  t.equal((await saved(fixture, ann)).length, SAVED_MAX)
  t.equal((await save(fixture, fixture.identity.person(), {})).statusCode, 201, 'of each person')
})

t.test('the same search is saved once, until it is deleted', async (t) => {
  const fixture = await build(t)
  const ann = fixture.identity.person()
  const same = () => save(fixture, ann, { q: 'spoon', buyNow: true })
  const answers = await Promise.all([same(), same(), same()])
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [201, 409, 409])
  const [first] = await saved(fixture, ann)
  const again = await save(fixture, ann, { buyNow: true, q: 'spoon' }, 'another name')
  t.match(again.body, { code: 'saved_search.exists', details: { id: first?.id } })
  await call(fixture, 'DELETE', `${SAVED}/${first?.id}`, { as: ann })
  t.equal((await same()).statusCode, 201)
})

t.test('the searches of an account that is gone are forgotten', async (t) => {
  const fixture = await build(t)
  const [ann, ben] = [fixture.identity.person(), fixture.identity.person()]
  await save(fixture, ann, {})
  await save(fixture, ben, {})
  const gone = event(userDeleted, ann.id, { userId: ann.id }, 2)
  await consume(fixture.dependencies, [gone])
  await consume(fixture.dependencies, [gone])
  t.strictSame(await saved(fixture, ann), [])
  t.equal((await saved(fixture, ben)).length, 1)
})
