import t from 'tap'
import { build, call, createDraft, createPublished, type Fixture } from '#test/helper.ts'

const show = async (fixture: Fixture, id: string) =>
  (await call(fixture, 'GET', `/api/v1/items/${id}`)).body

t.test('a listing says what a bidder has held, and its lot knows it', async (t) => {
  const fixture = await build(t)
  const fixed = await createPublished(fixture, { startPrice: '100', depositAmount: '50' })
  t.match(await show(fixture, fixed), { depositAmount: '50.00', deposit: '50.00' })
  t.match(fixture.bid.lots.get(fixed), { terms: { deposit: '50.00' } })
  const percent = await createPublished(fixture, { startPrice: '99.99', depositPercent: 10 })
  t.match(await show(fixture, percent), { depositPercent: 10, deposit: '10.00' })
  t.match(fixture.bid.lots.get(percent), { terms: { deposit: '10.00' } }, 'rounded up')
  const plain = await createPublished(fixture)
  t.notOk('deposit' in (await show(fixture, plain)))
  t.notOk('deposit' in (fixture.bid.lots.get(plain)?.terms ?? {}))
})

t.test('a deposit is one of the two, and no more than the start price', async (t) => {
  const fixture = await build(t)
  const refused = async (body: Record<string, unknown>) => {
    const id = await createDraft(fixture, { startPrice: '100' })
    const answer = await call(fixture, 'PUT', `/api/v1/items/${id}`, { as: fixture.seller, body })
    return [answer.statusCode, answer.body.details]
  }
  t.match(await refused({ depositAmount: '100.01' }), [
    400,
    { field: 'depositAmount', reason: 'above_start_price' },
  ])
  t.match(await refused({ depositAmount: '50', depositPercent: 10 }), [
    400,
    { field: 'depositPercent', reason: 'beside_deposit_amount' },
  ])
  t.match(await refused({ depositAmount: '0' }), [400, { field: 'depositAmount' }])
  t.match((await refused({ depositPercent: 101 }))[0], 400)
  t.match((await refused({ depositPercent: 0 }))[0], 400)
  t.equal((await refused({ depositAmount: '100' }))[0], 200)
  t.equal((await refused({ depositPercent: 100 }))[0], 200)
})

t.test('as long as there is no bid a deposit is changed and dropped', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture, { startPrice: '100', depositAmount: '50' })
  const edit = (body: Record<string, unknown>) =>
    call(fixture, 'PUT', `/api/v1/items/${id}`, { as: fixture.seller, body })
  t.equal((await edit({ depositAmount: null, depositPercent: 20 })).statusCode, 200)
  t.match(fixture.bid.lots.get(id), { terms: { deposit: '20.00' } })
  t.equal((await edit({ depositPercent: null })).statusCode, 200)
  t.notOk('deposit' in (fixture.bid.lots.get(id)?.terms ?? {}))
})
