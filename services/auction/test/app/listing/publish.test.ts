import t from 'tap'
import { sweepTerms } from '#src/app/lot-terms/sweep-terms.ts'
import {
  build,
  call,
  createDraft,
  createPublished,
  inMinutes,
  writtenEvents,
} from '#test/helper.ts'
import { serviceHeaders } from '#test/neighbours.ts'

const ITEMS = '/api/v1/items'

t.test('publishing', async (t) => {
  const fixture = await build(t)
  const { seller, bid, identity, database } = fixture
  const publish = (id: string, as = seller) =>
    call(fixture, 'POST', `${ITEMS}/${id}/publish`, { as })

  t.test('makes an item active, and its lot exists when the answer comes', async (t) => {
    const id = await createDraft(fixture, { reservePrice: '200', buyoutPrice: '300' })
    const { statusCode, body } = await publish(id)
    t.match(
      { statusCode, body },
      {
        statusCode: 200,
        body: { status: 'active', termsVersion: 1, version: 2, buyNowAvailable: true },
      },
    )
    t.match(bid.lots.get(id), {
      terms: {
        itemId: id,
        sellerId: seller.id,
        termsVersion: 1,
        round: 1,
        reservePrice: '200.00',
        buyoutPrice: '300.00',
        extensionThresholdMinutes: 10,
      },
    })
  })

  t.test(
    'publishes two events: published, and updated for consumers of the original',
    async (t) => {
      const id = await createPublished(fixture)
      const events = await writtenEvents(database, id)
      t.match(events, [
        { key: 'item.created.v1', sequence: 1 },
        { key: 'item.published.v1', sequence: 2, payload: { termsVersion: 1 } },
        {
          key: 'item.updated.v1',
          sequence: 3,
          payload: { status: 'active', changedFields: ['status'] },
        },
      ])
    },
  )

  t.test('with a start ahead makes it scheduled', async (t) => {
    const id = await createDraft(fixture, { startDate: inMinutes(60) })
    t.match((await publish(id)).body, { status: 'scheduled' })
  })

  t.test('again gives the same answer and publishes nothing', async (t) => {
    const id = await createPublished(fixture)
    const before = await writtenEvents(database, id)
    const first = await publish(id)
    const second = await publish(id)
    const { serverTime: _first, ...firstBody } = first.body
    const { serverTime: _second, ...secondBody } = second.body
    t.strictSame(secondBody, firstBody)
    t.strictSame(await writtenEvents(database, id), before)
    await database.pool.query(
      `update items set status = 'expired', outcome = 'no_bids' where id = $1`,
      [id],
    )
    t.match(await publish(id), { statusCode: 200, body: { status: 'expired' } })
  })

  t.test('ten times at once publishes once', async (t) => {
    const id = await createDraft(fixture)
    const answers = await Promise.all(Array.from({ length: 10 }, () => publish(id)))
    t.strictSame(
      answers.map(({ statusCode }) => statusCode),
      Array(10).fill(200),
    )
    t.equal((await writtenEvents(database, id)).length, 3)
    t.equal(bid.lots.get(id)?.applied, 1)
  })

  t.test('is refused for a type that cannot be sold yet', async (t) => {
    const id = await createDraft(fixture, { type: 'dutch' })
    t.match(await publish(id), {
      statusCode: 422,
      body: { code: 'item.publish.type_not_supported', details: { field: 'type' } },
    })
  })

  t.test('is refused when the start of the draft has passed', async (t) => {
    const id = await createDraft(fixture)
    await database.pool.query(
      `update items set start_date = start_date - interval '1 hour' where id = $1`,
      [id],
    )
    t.match(await publish(id), {
      statusCode: 400,
      body: {
        code: 'item.publish.validation_failed',
        details: { field: 'startDate', reason: 'in_the_past' },
      },
    })
  })

  t.test("is refused for another user's item, and their draft is not found", async (t) => {
    const stranger = identity.person()
    const draft = await createDraft(fixture)
    t.match(await publish(draft, stranger), {
      statusCode: 404,
      body: { code: 'item.publish.not_found' },
    })
    const published = await createPublished(fixture)
    t.match(await publish(published, stranger), {
      statusCode: 403,
      body: { code: 'item.forbidden' },
    })
  })

  t.test('succeeds while bid is down, and the sweeper pushes the terms later', async (t) => {
    bid.mode = 'down'
    const id = await createDraft(fixture)
    t.match(await publish(id), { statusCode: 200, body: { status: 'active' } })
    t.notOk(bid.lots.has(id))
    await sweepTerms(fixture.dependencies, 0)
    t.notOk(bid.lots.has(id), 'still down')
    bid.mode = 'up'
    await sweepTerms(fixture.dependencies, 0)
    t.match(bid.lots.get(id), { terms: { itemId: id, termsVersion: 1 } })
    t.equal(await sweepTerms(fixture.dependencies, 0), 0, 'nothing is left to bring')
  })

  t.test('accepts lots that have the terms already, because bid pulled them', async (t) => {
    bid.mode = 'silent'
    const id = await createDraft(fixture)
    t.equal((await publish(id)).statusCode, 200)
    t.ok(bid.lots.has(id), 'bid has them, though its answer was lost')
    bid.mode = 'up'
    t.equal(await sweepTerms(fixture.dependencies, 0), 1)
    t.equal(await sweepTerms(fixture.dependencies, 0), 0)
    t.equal(bid.lots.get(id)?.applied, 1)
  })
})

t.test('where the seller role is required, others keep their drafts', async (t) => {
  const fixture = await build(t, { isSellerRoleRequired: true })
  const publish = (id: string, as: typeof fixture.seller) =>
    call(fixture, 'POST', `${ITEMS}/${id}/publish`, { as })
  const id = await createDraft(fixture)
  t.match(await publish(id, fixture.seller), {
    statusCode: 403,
    body: { code: 'item.publish.seller_role_required' },
  })
  const stranger = fixture.identity.person(['user', 'seller'])
  t.equal((await publish(id, stranger)).statusCode, 404, 'sellers publish only their own drafts')
  const seller = fixture.identity.person(['user', 'seller'])
  const own = await createDraft({ ...fixture, seller })
  t.match(await publish(own, seller), { statusCode: 200, body: { status: 'active' } })
})

t.test('GET /internal/v1/items/:id/terms', async (t) => {
  const fixture = await build(t)
  const { seller } = fixture
  const terms = (id: string, headers: Record<string, string>) =>
    call(fixture, 'GET', `/internal/v1/items/${id}/terms`, { headers })

  t.test('gives another service the terms, reserve included', async (t) => {
    const id = await createPublished(fixture, { reservePrice: '200' })
    t.match(await terms(id, serviceHeaders()), {
      statusCode: 200,
      body: { itemId: id, sellerId: seller.id, reservePrice: '200.00', termsVersion: 1 },
    })
  })

  t.test('refuses every other caller', async (t) => {
    const id = await createPublished(fixture, { reservePrice: '200' })
    t.equal((await terms(id, seller.headers)).statusCode, 401)
    t.equal((await terms(id, {})).statusCode, 401)
  })

  t.test('knows no drafts', async (t) => {
    const id = await createDraft(fixture)
    t.match(await terms(id, serviceHeaders()), {
      statusCode: 404,
      body: { code: 'item.terms.not_found' },
    })
  })
})
