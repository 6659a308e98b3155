import t from 'tap'
import { consume, history } from '#test/bid-history.ts'
import { build, call, createDraft, createPublished, type Fixture, inMinutes } from '#test/helper.ts'

const withdraw = (fixture: Fixture, id: string, body: unknown, as = fixture.seller) =>
  call(fixture, 'POST', `/api/v1/items/${id}/withdraw`, { as, body })
const because = { reason: 'It broke.' }

/** The event of bid for the lot that it has cancelled. */
const lotCancelled = (itemId: string, bySeller = true) =>
  history({ itemId, endDate: inMinutes(60), steps: [], outcome: 'cancelled', bySeller }).events

t.test('a withdrawn item is cancelled by bid.closed, with its reason', async (t) => {
  const fixture = await build(t)
  const { seller, bid, identity } = fixture
  for (const changes of [{}, { startDate: inMinutes(30) }]) {
    const id = await createPublished(fixture, changes)
    t.equal((await withdraw(fixture, id, because)).statusCode, 202)
    t.equal((await withdraw(fixture, id, because)).statusCode, 202, 'again')
    t.equal(bid.lots.get(id)?.isCancelled, true)
    await consume(fixture.dependencies, lotCancelled(id))
    const { body } = await call(fixture, 'GET', `/api/v1/items/${id}`, { as: seller })
    t.match(body, { status: 'cancelled', withdrawal: { reason: 'It broke.', at: /Z$/ } })
    t.equal((await withdraw(fixture, id, because)).statusCode, 202, 'and once more')
    const { statusCode } = await call(fixture, 'GET', `/api/v1/items/${id}`, {
      as: identity.person(),
    })
    t.equal(statusCode, 404)
  }
})

t.test('the first reason of the seller is shown', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture)
  t.equal((await withdraw(fixture, id, because)).statusCode, 202)
  t.equal((await withdraw(fixture, id, { reason: 'Another story.' })).statusCode, 202)
  await consume(fixture.dependencies, lotCancelled(id))
  const { body } = await call(fixture, 'GET', `/api/v1/items/${id}`, { as: fixture.seller })
  t.match(body, { withdrawal: { reason: 'It broke.' } })
})

t.test('bid.closed completes a withdrawal that was interrupted by a crash', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture)
  const { pool } = fixture.database
  await pool.query(`insert into item_withdrawals (item_id, reason) values ($1, 'It broke.')`, [id])
  await consume(fixture.dependencies, lotCancelled(id))
  const { body } = await call(fixture, 'GET', `/api/v1/items/${id}`, { as: fixture.seller })
  t.match(body, { status: 'cancelled', withdrawal: { reason: 'It broke.', at: /Z$/ } })
})

t.test('a refused withdrawal is not shown when a moderator ends the sale later', async (t) => {
  const fixture = await build(t)
  const { bid, seller, identity } = fixture
  const id = await createPublished(fixture)
  const lot = bid.lots.get(id)
  if (lot === undefined) throw new Error('no lot')
  lot.bidCount = 1
  t.equal((await withdraw(fixture, id, because)).statusCode, 409)
  const as = identity.person(['moderator'])
  const body = { reason: 'looked fake' }
  await call(fixture, 'POST', `/api/v1/moderation/items/${id}/remove`, { as, body })
  await consume(fixture.dependencies, lotCancelled(id, false))
  await call(fixture, 'POST', `/api/v1/moderation/items/${id}/restore`, { as, body })
  const { body: item } = await call(fixture, 'GET', `/api/v1/items/${id}`, { as: seller })
  t.equal(item.status, 'cancelled')
  t.equal(item.withdrawal, undefined)
})

t.test('bids bind the seller, and an outage changes nothing', async (t) => {
  const fixture = await build(t)
  const { bid, seller } = fixture
  const id = await createPublished(fixture)
  const lot = bid.lots.get(id)
  if (lot === undefined) throw new Error('no lot')
  lot.bidCount = 1
  t.match(await withdraw(fixture, id, because), {
    statusCode: 409,
    body: { code: 'item.withdraw.has_bids' },
  })
  bid.mode = 'down'
  t.match(await withdraw(fixture, id, because), {
    statusCode: 503,
    body: { code: 'service.unavailable' },
  })
  bid.mode = 'up'
  const { body } = await call(fixture, 'GET', `/api/v1/items/${id}`, { as: seller })
  t.match(body, { status: 'active' })
  t.equal(body.withdrawal, undefined, 'an attempt is none')
  lot.isClosed = true
  t.match(await withdraw(fixture, id, because), {
    statusCode: 409,
    body: { code: 'item.withdraw.not_open' },
  })
})

t.test('only the seller withdraws an item for sale, and must give a reason', async (t) => {
  const fixture = await build(t)
  const { bid, identity } = fixture
  const id = await createPublished(fixture)
  const draft = await createDraft(fixture)
  const stranger = identity.person()
  const removed = await createPublished(fixture)
  const as = identity.person(['moderator'])
  const body = { reason: 'fake' }
  await call(fixture, 'POST', `/api/v1/moderation/items/${removed}/remove`, { as, body })
  for (const [item, who, statusCode, code] of [
    [id, stranger, 403, 'item.forbidden'],
    [draft, stranger, 404, 'item.withdraw.not_found'],
    ['018f0000-0000-7000-8000-000000000000', fixture.seller, 404, 'item.withdraw.not_found'],
    [draft, fixture.seller, 409, 'item.withdraw.not_open'],
    [removed, fixture.seller, 409, 'item.withdraw.not_open'],
    ['1', fixture.seller, 400, 'request.invalid_path'],
  ] as const) {
    t.match(await withdraw(fixture, item, because, who), { statusCode, body: { code } }, code)
  }
  for (const [bad, code] of [
    [{}, 'request.invalid_body'],
    [{ reason: '' }, 'request.invalid_body'],
    [{ reason: 'x', by: 'me' }, 'request.invalid_body'],
    [{ reason: ' \u200b ' }, 'item.withdraw.validation_failed'],
    [{ reason: 'x'.repeat(1_001) }, 'item.withdraw.validation_failed'],
    [{ reason: 'a\0b' }, 'item.withdraw.validation_failed'],
  ] as const) {
    t.match(await withdraw(fixture, id, bad), { statusCode: 400, body: { code } })
  }
  t.equal(bid.lots.get(id)?.isCancelled, undefined)
})
