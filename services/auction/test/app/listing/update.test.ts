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

const ITEMS = '/api/v1/items'

t.test('PUT /api/v1/items/:id', async (t) => {
  const fixture = await build(t)
  const { seller, bid, identity, database, dependencies } = fixture
  const put = (id: string, body: unknown, as = seller) =>
    call(fixture, 'PUT', `${ITEMS}/${id}`, { as, body })
  const show = async (id: string) =>
    (await call(fixture, 'GET', `${ITEMS}/${id}`, { as: seller })).body
  const lot = (id: string) => {
    const found = bid.lots.get(id)
    if (found === undefined) throw new Error('no lot')
    return found
  }
  t.beforeEach(() => {
    bid.mode = 'up'
    bid.onApply = undefined
  })

  t.test(
    'seed bug 9: changes a draft, extension fields included, without asking bid',
    async (t) => {
      bid.mode = 'down'
      const id = await createDraft(fixture)
      const { statusCode, body } = await put(id, {
        currencyCode: 'JPY',
        startPrice: '5000',
        extensionThresholdMinutes: 3,
        extensionMode: 'from_bid',
      })
      t.equal(statusCode, 200)
      t.match(body, {
        startPrice: '5000',
        currentPrice: '5000',
        extensionThresholdMinutes: 3,
        extensionMode: 'from_bid',
        version: 2,
      })
      t.match((await writtenEvents(database, id)).at(-1), {
        key: 'item.updated.v1',
        sequence: 2,
        payload: { sellerId: seller.id, startPrice: '5000' },
      })
    },
  )

  t.test('clears an optional price with null', async (t) => {
    const id = await createDraft(fixture, { reservePrice: '200', buyoutPrice: '300' })
    const { body } = await put(id, { reservePrice: null, buyoutPrice: null })
    t.match(body, { hasReserve: false, reserveMet: true })
    t.notOk('buyoutPrice' in body || 'reservePrice' in body)
  })

  t.test('refuses bad, unknown and read-only fields by name, and an empty body', async (t) => {
    const id = await createPublished(fixture)
    const bad: [string, unknown][] = [
      ['startPrice', '1e2'],
      ['startPrice', null],
      ['currencyCode', 'EUR'],
      ['type', 'dutch'],
      ['startDate', inMinutes(5)],
      ['endDate', inMinutes(-5)],
      ['status', 'sold'],
      ['endPrice', '1.00'],
      ['currentPrice', '1.00'],
      ['sellerID', seller.id],
      ['version', 0],
    ]
    for (const [field, value] of bad) {
      t.match(
        await put(id, { [field]: value }),
        {
          statusCode: 400,
          body: { code: 'item.update.validation_failed', details: { field, reason: String } },
        },
        field,
      )
    }
    t.match(await put(id, {}), { statusCode: 400, body: { code: 'item.update.validation_failed' } })
    t.match(await show(id), { status: 'active', version: 2 })
  })

  t.test("never changes another user's item", async (t) => {
    const stranger = identity.person()
    const draft = await createDraft(fixture)
    t.match(await put(draft, { name: 'Mine' }, stranger), {
      statusCode: 404,
      body: { code: 'item.update.not_found' },
    })
    const published = await createPublished(fixture)
    t.match(await put(published, { name: 'Mine' }, stranger), {
      statusCode: 403,
      body: { code: 'item.forbidden' },
    })
    t.match(await show(published), { name: 'Silver spoon' })
    t.equal((await writtenEvents(database, draft)).length, 1)
  })

  t.test('refuses a change made on an old version', async (t) => {
    const id = await createDraft(fixture)
    t.match(await put(id, { name: 'Fork', version: 1 }), { statusCode: 200, body: { version: 2 } })
    t.match(await put(id, { name: 'Knife', version: 1 }), {
      statusCode: 409,
      body: { code: 'item.update.version_conflict', details: { version: 2 } },
    })
  })

  t.test('of two changes on the same version one succeeds', async (t) => {
    const id = await createDraft(fixture)
    const answers = await Promise.all([
      put(id, { name: 'Fork', version: 1 }),
      put(id, { name: 'Knife', version: 1 }),
    ])
    t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [200, 409])
  })

  t.test('seed bug 24: a change to the same values changes and publishes nothing', async (t) => {
    const id = await createPublished(fixture)
    const before = await writtenEvents(database, id)
    t.match(await put(id, { startPrice: '100' }), { statusCode: 200, body: { version: 2 } })
    t.strictSame(await writtenEvents(database, id), before)
  })

  t.test('changes the terms of a published item together with its lot', async (t) => {
    const id = await createPublished(fixture, { reservePrice: '200' })
    const endDate = inMinutes(600)
    const { statusCode, body } = await put(id, { startPrice: '80.00', endDate })
    t.equal(statusCode, 200)
    t.match(body, {
      startPrice: '80.00',
      currentPrice: '80.00',
      endDate,
      originalEndDate: endDate,
      termsVersion: 2,
      version: 3,
    })
    t.match(lot(id).terms, { startPrice: '80.00', endDate, termsVersion: 2 })
    t.match((await writtenEvents(database, id)).at(-1), {
      key: 'item.updated.v1',
      sequence: 4,
      payload: { changedFields: ['startPrice', 'endDate'], termsVersion: 2 },
    })
  })

  t.test('an edit and a first bid never both succeed', async (t) => {
    for (const change of [{ startPrice: '80.00' }, { name: 'Fork' }, { description: 'Plated.' }]) {
      const id = await createPublished(fixture)
      const before = await show(id)
      // The bid is accepted before the verdict, and our read model has not received it yet.
      bid.onApply = () => {
        lot(id).bidCount = 1
      }
      t.match(await put(id, change), { statusCode: 409, body: { code: 'item.update.has_bids' } })
      const { serverTime: _after, ...after } = await show(id)
      const { serverTime: _before, ...unchanged } = before
      t.strictSame(after, unchanged)
      t.equal(lot(id).terms.termsVersion, 1)
      bid.onApply = undefined
      t.equal(await sweepTerms(dependencies, 0), 0, 'no intent is left behind')
    }
  })

  t.test('with bids the reserve may fall and the description grow, nothing else', async (t) => {
    const id = await createPublished(fixture, { reservePrice: '200' })
    lot(id).bidCount = 1
    await database.pool.query(
      `update items set bid_count = 1, bid_sequence = 1, current_price = 12000 where id = $1`,
      [id],
    )
    t.match(await put(id, { reservePrice: '150' }), {
      statusCode: 200,
      body: { reservePrice: '150.00', currentPrice: '120.00', reserveMet: false, termsVersion: 2 },
    })
    t.match(await put(id, { reservePrice: '160' }), {
      statusCode: 409,
      body: { code: 'item.update.has_bids' },
    })
    const longer = 'Sterling, 1901. A small scratch.'
    t.match(await put(id, { description: longer }), {
      statusCode: 200,
      body: { description: longer, termsVersion: 3 },
    })
    t.match(await put(id, { description: 'Plated.' }), { statusCode: 409 })
    t.match(await put(id, { name: 'Fork' }), { statusCode: 409 })
    t.match(await put(id, { reservePrice: null }), {
      statusCode: 200,
      body: { hasReserve: false, termsVersion: 4 },
    })
    t.equal(lot(id).terms.termsVersion, 4)
  })

  t.test('an edit never resets price and end of running bidding', async (t) => {
    const id = await createPublished(fixture)
    const extended = inMinutes(24 * 60 + 7)
    // Both the edit and a bid under the new terms are in bid; the event of the bid comes first.
    bid.onApply = async () => {
      await database.pool.query(
        `update items set bid_count = 1, bid_sequence = 2, current_price = 9000, end_date = $2
         where id = $1`,
        [id, extended],
      )
    }
    t.match(await put(id, { startPrice: '90.00' }), {
      statusCode: 200,
      body: { startPrice: '90.00', currentPrice: '90.00', bidCount: 1, endDate: extended },
    })
  })

  t.test('an edit whose outcome is unknown is finished later, and blocks others', async (t) => {
    const id = await createPublished(fixture)
    bid.mode = 'silent'
    const unknown = await put(id, { startPrice: '80.00' })
    t.match(unknown, { statusCode: 503, body: { code: 'item.update.unavailable' } })
    t.ok(unknown.headers['retry-after'])
    t.match(await show(id), { startPrice: '100.00', termsVersion: 1 })
    t.match(await put(id, { startPrice: '70.00' }), {
      statusCode: 409,
      body: { code: 'item.update.in_progress' },
    })
    bid.mode = 'up'
    await sweepTerms(dependencies, 0)
    t.match(await show(id), { startPrice: '80.00', termsVersion: 2 })
    t.equal(lot(id).applied, 2, 'applied once')
    t.match(await put(id, { startPrice: '70.00' }), { statusCode: 200 })
  })

  t.test('an edit that bid refuses after an outage is dropped', async (t) => {
    const id = await createPublished(fixture)
    bid.mode = 'down'
    t.equal((await put(id, { startPrice: '80.00' })).statusCode, 503)
    bid.mode = 'up'
    lot(id).bidCount = 1
    await sweepTerms(dependencies, 0)
    t.match(await show(id), { startPrice: '100.00', termsVersion: 1 })
    t.equal(await sweepTerms(dependencies, 0), 0)
  })

  t.test('an auction that is over does not change', async (t) => {
    const id = await createPublished(fixture)
    lot(id).isClosed = true
    t.match(await put(id, { startPrice: '80.00' }), {
      statusCode: 409,
      body: { code: 'item.update.not_open' },
    })
    await database.pool.query(
      `update items set status = 'expired', outcome = 'no_bids' where id = $1`,
      [id],
    )
    t.match(await put(id, { description: 'Sterling, 1901. More' }), {
      statusCode: 409,
      body: { code: 'item.update.not_open', details: { status: 'expired' } },
    })
  })

  t.test('many edits at once leave item and lot with the same terms', async (t) => {
    const id = await createPublished(fixture)
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) => put(id, { startPrice: `${90 + index}.00` })),
    )
    const succeeded = answers.filter(({ statusCode }) => statusCode === 200).length
    const refused = answers.filter(({ body }) => body.code === 'item.update.in_progress').length
    t.equal(succeeded + refused, 12)
    const item = await show(id)
    t.equal(item.startPrice, lot(id).terms.startPrice)
    t.equal(item.termsVersion, lot(id).terms.termsVersion)
    const sequences = (await writtenEvents(database, id)).map(({ sequence }) => sequence)
    t.strictSame(
      sequences,
      sequences.map((_, index) => index + 1),
      'numbered without gaps',
    )
  })
})

t.test('an edit that bid applied while its item is held is finished later', async (t) => {
  const fixture = await build(t, { lockTimeoutMs: 3_000 })
  const { seller: as, bid, database, dependencies } = fixture
  const id = await createPublished(fixture)
  const holder = await database.pool.connect()
  t.teardown(() => holder.release())
  bid.onApply = async () => {
    await holder.query('begin')
    await holder.query('select from items where id = $1 for update', [id])
  }
  const body = { startPrice: '80.00' }
  t.match(await call(fixture, 'PUT', `${ITEMS}/${id}`, { as, body }), {
    statusCode: 503,
    body: { code: 'item.update.unavailable' },
  })
  bid.onApply = undefined
  await holder.query('rollback')
  await sweepTerms(dependencies, 0)
  const { body: edited } = await call(fixture, 'GET', `${ITEMS}/${id}`, { as })
  t.match(edited, { startPrice: '80.00', termsVersion: 2 })
})
