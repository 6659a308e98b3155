import { randomUUID } from 'node:crypto'
import t from 'tap'
import {
  build,
  call,
  createDraft,
  createPublished,
  inMinutes,
  listingBody,
  writtenEvents,
} from '#test/helper.ts'

const ITEMS = '/api/v1/items'

t.test('POST /api/v1/items', async (t) => {
  const fixture = await build(t)
  const { seller } = fixture
  const create = (changes: Record<string, unknown>) =>
    call(fixture, 'POST', ITEMS, { as: seller, body: listingBody(changes) })

  t.test('seed bug 7: creates a draft with defaults and publishes one event', async (t) => {
    const { statusCode, body, headers } = await create({ reservePrice: '150' })
    t.equal(statusCode, 201)
    t.equal(headers.location, `${ITEMS}/${body.id}`)
    t.match(body, {
      sellerID: seller.id,
      status: 'draft',
      type: 'english',
      startPrice: '100.00',
      currentPrice: '100.00',
      reservePrice: '150.00',
      hasReserve: true,
      reserveMet: false,
      buyNowAvailable: false,
      bidCount: 0,
      extensionThresholdMinutes: 10,
      extensionDurationMinutes: 5,
      extensionMode: 'from_end',
      maxExtensionMinutes: 60,
      maxExtensions: 0,
      termsVersion: 0,
      version: 1,
      serverTime: /Z$/,
    })
    const events = await writtenEvents(fixture.database, body.id)
    t.match(events, [{ key: 'item.created.v1', sequence: 1, payload: { hasReserve: true } }])
    t.notMatch(JSON.stringify(events), /150\.00|reservePrice/, 'the reserve is in no event')
  })

  t.test('refuses a caller without a token', async (t) => {
    const { statusCode, body } = await call(fixture, 'POST', ITEMS, { body: listingBody() })
    t.match({ statusCode, body }, { statusCode: 401, body: { code: 'auction.unauthenticated' } })
  })

  t.test('names the field of every bad value and never fails', async (t) => {
    const bad: [string, unknown][] = [
      ...['1e3', '-0', '-5', '１０', '9007199254740993.5', '10.001', '', '1 0', '0x1'].map(
        (value): [string, unknown] => ['startPrice', value],
      ),
      ...[10, 1.5, 2 ** 53 + 1, ['10'], { amount: '10' }, true, null].map(
        (value): [string, unknown] => ['startPrice', value],
      ),
      ...[10, [], '1e2', '0'].map((value): [string, unknown] => ['reservePrice', value]),
      ['reservePrice', '99.99'],
      ['buyoutPrice', '129.99'],
      ['bidIncrement', '0'],
      ['currencyCode', 'usd'],
      ['currencyCode', 'XXX'],
      ['currencyCode', 840],
      ['name', ''],
      ['name', ' '],
      ['name', 'x'.repeat(201)],
      ['name', 'a\u0000b'],
      ['name', 7],
      ['description', 'x'.repeat(10_001)],
      ['description', null],
      ['startDate', 'now'],
      ['startDate', 1_700_000_000],
      ['startDate', '2020-01-01T00:00:00Z'],
      ['startDate', inMinutes(31 * 24 * 60)],
      ['startDate', '0000-00-00T00:00:00Z'],
      ['endDate', inMinutes(29)],
      ['endDate', inMinutes(31 * 24 * 60)],
      ['endDate', '2027-06-30T23:59:60Z'],
      ['endDate', inMinutes(-1)],
      ['extensionThresholdMinutes', 721],
      ['extensionThresholdMinutes', 1.5],
      ['extensionDurationMinutes', -1],
      ['extensionDurationMinutes', '5'],
      ['extensionMode', 'sideways'],
      ['maxExtensionMinutes', 10_081],
      ['maxExtensions', 10_001],
      ['type', 'lottery'],
    ]
    for (const [field, value] of bad) {
      const { statusCode, body } = await create({ [field]: value })
      const answer = { statusCode, code: body.code, field: body.details?.field }
      const expected = { statusCode: 400, code: 'item.create.validation_failed', field }
      t.strictSame(answer, expected, `${field} ${JSON.stringify(value)?.slice(0, 40)}`)
      t.type(body.details?.reason, 'string')
    }
  })

  t.test('seed bug 6: refuses unknown and read-only fields by name', async (t) => {
    const fields = ['status', 'endPrice', 'currentPrice', 'sellerID', 'buyerID', 'id', 'bidCount']
    for (const field of [...fields, 'version', 'createdAt', 'constructorName', 'hack']) {
      const { statusCode, body } = await create({ [field]: 'x' })
      t.match(
        { statusCode, body },
        { statusCode: 400, body: { code: 'item.create.validation_failed', details: { field } } },
      )
    }
  })

  t.test('refuses a body that is no JSON object, or too large', async (t) => {
    const headers = { ...seller.headers, 'content-type': 'application/json' }
    const send = async (payload: string, type = 'application/json') => {
      const response = await fixture.app.inject({
        method: 'POST',
        url: ITEMS,
        headers: { ...headers, 'content-type': type },
        payload,
      })
      return [response.statusCode, response.json().code]
    }
    t.strictSame(await send('{"name":'), [400, 'request.invalid_json'])
    t.strictSame(await send('[]'), [400, 'item.create.validation_failed'])
    t.strictSame(await send('null'), [400, 'item.create.validation_failed'])
    t.strictSame(await send('{"__proto__":{"status":"sold"}}'), [400, 'request.invalid_json'])
    t.strictSame(await send('name=x', 'text/plain'), [415, 'request.unsupported_media_type'])
    t.strictSame(await send(`{"name":"${'x'.repeat(170_000)}"}`), [413, 'request.body_too_large'])
  })

  t.test('accepts currencies of every exponent', async (t) => {
    t.match(await create({ currencyCode: 'JPY', startPrice: '5000' }), {
      statusCode: 201,
      body: { startPrice: '5000' },
    })
    t.match(await create({ currencyCode: 'KWD', startPrice: '5.125' }), {
      statusCode: 201,
      body: { startPrice: '5.125' },
    })
    t.match(await create({ startPrice: '10000000000.00' }), { statusCode: 201 })
  })
})

t.test('GET /api/v1/items/:id', async (t) => {
  const fixture = await build(t)
  const { seller, identity } = fixture
  const stranger = identity.person()
  const show = (id: string, as?: typeof seller) => call(fixture, 'GET', `${ITEMS}/${id}`, { as })

  t.test('shows a draft to its seller only', async (t) => {
    const id = await createDraft(fixture)
    t.match(await show(id, seller), { statusCode: 200, body: { status: 'draft' } })
    for (const viewer of [stranger, undefined]) {
      t.match(await show(id, viewer), { statusCode: 404, body: { code: 'item.show.not_found' } })
    }
  })

  t.test('seed bug 8: shows the reserve to the seller only', async (t) => {
    const id = await createPublished(fixture, { reservePrice: '777.00' })
    t.equal((await show(id, seller)).body.reservePrice, '777.00')
    for (const viewer of [stranger, undefined]) {
      const { body } = await show(id, viewer)
      t.notMatch(JSON.stringify(body), /777\.00|reservePrice/)
      t.match(body, { hasReserve: true, reserveMet: false })
    }
  })

  t.test('hides cancelled and removed items from others', async (t) => {
    for (const status of ['cancelled', 'removed']) {
      const id = await createPublished(fixture)
      await fixture.database.pool.query('update items set status = $2 where id = $1', [id, status])
      t.equal((await show(id)).statusCode, 404)
      t.equal((await show(id, seller)).statusCode, 200)
    }
  })

  t.test('answers 404 for an unknown id and 400 for a malformed one', async (t) => {
    t.match(await show(randomUUID()), { statusCode: 404, body: { code: 'item.show.not_found' } })
    t.match(await show('42'), { statusCode: 400, body: { details: { field: 'id' } } })
    t.equal((await show('%00')).statusCode, 400)
  })

  t.test('believes no identity header', async (t) => {
    const id = await createDraft(fixture)
    const forged = await call(fixture, 'GET', `${ITEMS}/${id}`, {
      headers: { 'x-user-id': seller.id, 'user-id': seller.id },
    })
    t.equal(forged.statusCode, 404)
  })
})

t.test('GET /api/v1/items', async (t) => {
  const fixture = await build(t)
  const { seller, identity } = fixture
  const other = identity.person()
  const list = (query: string, as?: typeof seller) =>
    call(fixture, 'GET', `${ITEMS}?${query}`, { as })
  const names = (body: Record<string, unknown>) =>
    (body.items as { name: string }[]).map(({ name }) => name)

  await createDraft(fixture, { name: 'draft' })
  await createPublished(fixture, { name: 'third', endDate: inMinutes(300) })
  await createPublished(fixture, { name: 'first', endDate: inMinutes(100) })
  await createPublished(fixture, { name: 'second', endDate: inMinutes(200) }, other)
  await createPublished(fixture, {
    name: 'later',
    startDate: inMinutes(30),
    endDate: inMinutes(90),
  })
  const cancelled = await createPublished(fixture, { name: 'cancelled' })
  await fixture.database.pool.query(`update items set status = 'cancelled' where id = $1`, [
    cancelled,
  ])

  t.test('lists public items by their end, with pages and the time', async (t) => {
    const { body } = await list('limit=3')
    t.match(body, { page: 1, pageSize: 3, totalItems: 4, totalPages: 2, serverTime: /Z$/ })
    t.strictSame(names(body), ['later', 'first', 'second'])
    t.strictSame(names((await list('limit=3&page=2')).body), ['third'])
    t.match((await list('limit=3&page=3')).body, { items: [], totalItems: 4, totalPages: 2 })
    t.match((await list('limit=2&page=2')).body, { totalItems: 4, totalPages: 2 })
    t.strictSame(names((await list('sort=-endDate')).body), ['third', 'second', 'first', 'later'])
  })

  t.test('filters by status', async (t) => {
    t.strictSame(names((await list('status=scheduled')).body), ['later'])
    t.strictSame(names((await list('status=active')).body), ['first', 'second', 'third'])
    t.strictSame(names((await list('status=draft')).body), [])
    t.strictSame(names((await list('status=cancelled', seller)).body), [])
  })

  t.test("shows a seller's own drafts and cancelled items with mine=true only", async (t) => {
    t.strictSame(names((await list('mine=true&status=draft', seller)).body), ['draft'])
    t.equal((await list('mine=true', seller)).body.totalItems, 5)
    t.strictSame(names((await list('mine=true', other)).body), ['second'])
    t.match(await list('mine=true'), { statusCode: 401, body: { code: 'auction.unauthenticated' } })
  })

  t.test('has limits', async (t) => {
    for (const query of [
      'limit=101',
      'limit=0',
      'page=0',
      'page=x',
      'status=new',
      'sort=name',
      'x=1',
    ]) {
      t.match(
        await list(query),
        { statusCode: 400, body: { code: 'request.invalid_query' } },
        query,
      )
    }
    t.equal((await list('limit=100')).statusCode, 200)
  })
})

t.test('DELETE /api/v1/items/:id', async (t) => {
  const fixture = await build(t)
  const { seller, identity } = fixture
  const remove = (id: string, as: typeof seller) =>
    call(fixture, 'DELETE', `${ITEMS}/${id}`, { as })

  t.test('deletes a draft of the caller and publishes that', async (t) => {
    const id = await createDraft(fixture)
    t.equal((await remove(id, seller)).statusCode, 204)
    t.match(await remove(id, seller), { statusCode: 404, body: { code: 'item.delete.not_found' } })
    const events = await writtenEvents(fixture.database, id)
    t.strictSame(
      events.map(({ key, sequence }) => [key, sequence]),
      [
        ['item.created.v1', 1],
        ['item.deleted.v1', 2],
      ],
    )
  })

  t.test('deletes neither published items nor items of others', async (t) => {
    const published = await createPublished(fixture)
    t.match(await remove(published, seller), {
      statusCode: 409,
      body: { code: 'item.delete.not_draft' },
    })
    const stranger = identity.person()
    t.match(await remove(published, stranger), {
      statusCode: 403,
      body: { code: 'item.forbidden' },
    })
    const draft = await createDraft(fixture)
    t.match(await remove(draft, stranger), { statusCode: 404 })
    t.equal((await call(fixture, 'GET', `${ITEMS}/${draft}`, { as: seller })).statusCode, 200)
  })
})

t.test('the same key makes one draft, also at the same time', async (t) => {
  const fixture = await build(t)
  const { seller } = fixture
  const stranger = fixture.identity.person()
  const body = listingBody()
  const create = (key: string, changes = {}, as = seller) =>
    call(fixture, 'POST', '/api/v1/items', {
      as,
      body: { ...body, ...changes },
      headers: { 'idempotency-key': key },
    })
  const answers = await Promise.all(Array.from({ length: 6 }, () => create('k1')))
  const [first] = answers
  t.ok(answers.every(({ statusCode }) => statusCode === 201))
  t.equal(new Set(answers.map((answer) => answer.body.id)).size, 1)
  const again = await create('k1', { name: 'Another' })
  t.match(again, { statusCode: 201, body: { id: first?.body.id, name: first?.body.name } })
  t.not((await create('k2')).body.id, first?.body.id)
  t.not((await create('k1', {}, stranger)).body.id, first?.body.id, 'keys are of one seller')
  for (const key of ['', 'a b', 'x'.repeat(101)])
    t.match(await create(key), { statusCode: 400, body: { code: 'request.invalid_headers' } }, key)
  const { pool } = fixture.database
  await pool.query(`update item_imports set idempotency_key = 'create:k1'
    where idempotency_key = 'create/k1' and seller_id = '${seller.id}'`)
  t.match((await create('k1')).body, { id: first?.body.id }, 'also under that of an older version')
  await call(fixture, 'DELETE', `/api/v1/items/${first?.body.id}`, { as: seller })
  t.match(await create('k1'), { statusCode: 409 }, 'a draft that was deleted does not come back')
})
