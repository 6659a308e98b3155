import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createWorld, serviceHeaders } from '#test/helper.ts'

t.test('placing bids', async (t) => {
  const world = await createWorld(t)
  const [ann, ben, cid] = [randomUUID(), randomUUID(), randomUUID()]

  t.test('the answer has the new price and the public minimum, never a maximum', async (t) => {
    const { itemId } = await world.putTerms()
    const first = await world.bid(itemId, ann, '25.00')
    t.match(first, {
      statusCode: 201,
      body: { itemId, outcome: 'leading', currentPrice: '10.00', minNextBid: '10.50', bidCount: 1 },
    })
    const second = await world.bid(itemId, ben, '18.00')
    t.match(second.body, {
      outcome: 'outbid',
      currentPrice: '18.50',
      minNextBid: '19.00',
      sequence: 2,
    })
    t.notMatch(JSON.stringify([first.body, second.body]), /25\.00/)
  })

  t.test('a lot shows its price, the leader by alias and the time on the server', async (t) => {
    const { itemId } = await world.putTerms({ reservePrice: '30.00', buyoutPrice: '90.00' })
    await world.bid(itemId, ann, '20.00')
    await world.bid(itemId, ben, '22.00')
    const lot = await world.lot(itemId)
    t.match(lot, {
      phase: 'open',
      currentPrice: '22.00',
      leaderAlias: 'bidder 2',
      hasReserve: true,
      reserveMet: false,
      buyNowAvailable: true,
      bidCount: 2,
    })
    t.notMatch(JSON.stringify(lot), /30\.00/, 'the amount of the reserve is not shown')
    t.ok(Math.abs(Date.parse(String(lot.serverTime)) - Date.now()) < 60_000)
  })

  t.test(
    'the history shows aliases and counter-bids, and hides what is still hidden',
    async (t) => {
      const { itemId } = await world.putTerms()
      await world.bid(itemId, ann, '25.00')
      await world.bid(itemId, ben, '18.00')
      await world.bid(itemId, cid, '30.00')
      const history = await world.app.inject({ url: `/api/v1/lots/${itemId}/bids` })
      t.strictSame(
        history
          .json()
          .bids.map((bid: Record<string, unknown>) => [bid.bidder, bid.kind, bid.amount]),
        [
          ['bidder 3', 'manual', '25.50'],
          ['bidder 1', 'auto', '18.50'],
          ['bidder 2', 'manual', '18.00'],
          ['bidder 1', 'manual', '10.00'],
        ],
      )
      t.notMatch(history.body, /30\.00/)
      const page = await world.app.inject({ url: `/api/v1/lots/${itemId}/bids?limit=1&before=3` })
      t.match(page.json(), {
        bids: [
          { kind: 'auto', sequence: 2 },
          { kind: 'manual', sequence: 2 },
        ],
        nextBefore: 2,
      })
    },
  )

  t.test('only the bidder sees his own maximum', async (t) => {
    const { itemId } = await world.putTerms()
    const [dee, eve] = [randomUUID(), randomUUID()]
    await world.bid(itemId, dee, '25.00')
    await world.bid(itemId, dee, '40.00')
    await world.bid(itemId, eve, '26.00')
    const mine = async (user: string) =>
      (
        await world.app.inject({
          url: '/api/v1/bids',
          headers: { authorization: `Bearer ${world.identity.token(user)}` },
        })
      ).json().bids
    t.match(await mine(dee), [
      { itemId, myMaxAmount: '40.00', status: 'leading', currentPrice: '26.50' },
    ])
    t.match(await mine(eve), [{ itemId, myMaxAmount: '26.00', status: 'outbid' }])
    t.strictSame(await mine(randomUUID()), [])
    t.equal((await world.app.inject({ url: '/api/v1/bids' })).statusCode, 401)
  })

  t.test('refusals have their own status and code, in the order of the rules', async (t) => {
    const sellerId = randomUUID()
    const { itemId } = await world.putTerms({ sellerId, buyoutPrice: '50.00' })
    const cases: [string, string, unknown, Record<string, unknown>, number, string][] = [
      ['own item', sellerId, 'rubbish', { currencyCode: 'EUR' }, 403, 'bid.own_item'],
      ['currency', ann, 'rubbish', { currencyCode: 'EUR' }, 422, 'bid.currency_mismatch'],
      ['amount', ann, 'rubbish', { termsVersion: 9 }, 422, 'bid.amount_invalid'],
      ['terms', ann, '50.00', { termsVersion: 9 }, 409, 'bid.terms_changed'],
      ['buy-now', ann, '50.00', {}, 422, 'bid.exceeds_buy_now'],
      ['too low', ann, '9.99', {}, 422, 'bid.too_low'],
    ]
    for (const [name, bidder, maxAmount, body, statusCode, code] of cases) {
      t.match(
        await world.bid(itemId, bidder, maxAmount, { body }),
        { statusCode, body: { code } },
        name,
      )
    }
    t.match((await world.bid(itemId, ann, '9.99')).body.details, { minNextBid: '10.00' })
    t.match(await world.bid(randomUUID(), ann, '10.00'), {
      statusCode: 404,
      body: { code: 'lot.not_found' },
    })
    t.match(await world.lot(itemId), { bidCount: 0, sequence: 0 }, 'refused bids change nothing')
  })

  t.test('an unusually high maximum must be confirmed with the token of this bid', async (t) => {
    const { itemId } = await world.putTerms()
    const asked = await world.bid(itemId, ann, '500.00')
    t.match(asked, {
      statusCode: 409,
      body: { code: 'bid.confirmation_required', details: { price: '10.00' } },
    })
    const confirmation = asked.body.details?.confirmation
    const other = await world.bid(itemId, ben, '500.00', { body: { confirmation } })
    t.equal(other.body.code, 'bid.confirmation_required', 'not for another bidder')
    const more = await world.bid(itemId, ann, '501.00', { body: { confirmation } })
    t.equal(more.body.code, 'bid.confirmation_required', 'not for another amount')
    t.match(await world.bid(itemId, ann, '500.00', { body: { confirmation } }), {
      statusCode: 201,
    })
  })
})

t.test('bad input gets a 4xx with the field, never a 500', async (t) => {
  const world = await createWorld(t)
  const ann = randomUUID()
  const { itemId } = await world.putTerms()
  const strings = [
    '1e3',
    '10.5.0',
    '10.001',
    '-10',
    '-0',
    '+10',
    '1 0',
    ' ',
    '１０',
    '٣',
    '0x10',
    '10,00',
    '1_0',
    'NaN',
    'Infinity',
    '007',
    '.5',
    '5.',
    '0',
    '0.00',
    '9007199254740993',
    '99999999999999999999',
    "1'--",
  ]
  for (const maxAmount of strings) {
    const answer = await world.bid(itemId, ann, maxAmount)
    t.match(
      answer,
      { statusCode: 422, body: { code: 'bid.amount_invalid', details: { field: 'maxAmount' } } },
      maxAmount,
    )
  }
  for (const maxAmount of [
    10,
    10.5,
    1e21,
    -0,
    true,
    null,
    [],
    ['10'],
    { a: 1 },
    '',
    'x'.repeat(33),
  ]) {
    const answer = await world.bid(itemId, ann, maxAmount)
    t.match(
      answer,
      { statusCode: 400, body: { code: 'request.invalid_body', details: { field: 'maxAmount' } } },
      JSON.stringify(maxAmount),
    )
  }
  t.match((await world.bid(itemId, ann, '10.00', { body: { leader: true } })).body, {
    code: 'request.invalid_body',
    details: { field: 'leader' },
  })
  for (const key of ['', ' ', 'a b', 'ä', 'x'.repeat(129), 'a\tb']) {
    const answer = await world.bid(itemId, ann, '10.00', { key })
    t.match(
      answer,
      { statusCode: 400, body: { code: 'request.invalid_headers' } },
      `key ${JSON.stringify(key)}`,
    )
  }
  const raw = (payload: string, type: string) =>
    world.app.inject({
      method: 'POST',
      url: `/api/v1/lots/${itemId}/bids`,
      headers: { authorization: `Bearer ${world.identity.token(ann)}`, 'content-type': type },
      payload,
    })
  t.equal((await raw('{"maxAmount":', 'application/json')).json().code, 'request.invalid_json')
  t.equal(
    (await raw('{"maxAmount":"10.00","__proto__":{}}', 'application/json')).json().code,
    'request.invalid_json',
  )
  t.equal((await raw('maxAmount=10', 'application/x-www-form-urlencoded')).statusCode, 415)
  t.equal(
    (await raw(JSON.stringify({ maxAmount: 'x'.repeat(5000) }), 'application/json')).statusCode,
    413,
  )
  t.equal((await world.bid('not-a-uuid', ann, '10.00')).body.code, 'request.invalid_path')
  t.match(await world.lot(itemId), { bidCount: 0, sequence: 0 })
})

t.test('a pasted amount is taken without the blanks around it', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  for (const [index, maxAmount] of [' 10.00', '11.00\n', '\u00a012.00 '].entries()) {
    const answer = await world.bid(itemId, randomUUID(), maxAmount)
    t.match(answer, { statusCode: 201, body: { outcome: 'leading', bidCount: index + 1 } })
  }
})

t.test('JPY has no decimals and KWD has three', async (t) => {
  const world = await createWorld(t)
  const ann = randomUUID()
  const yen = await world.putTerms({ currencyCode: 'JPY', startPrice: '1000', bidIncrement: '100' })
  t.match((await world.bid(yen.itemId, ann, '1500')).body, {
    currentPrice: '1000',
    minNextBid: '1100',
  })
  t.equal((await world.bid(yen.itemId, randomUUID(), '1500.5')).body.code, 'bid.amount_invalid')
  const dinar = await world.putTerms({
    currencyCode: 'KWD',
    startPrice: '1.250',
    bidIncrement: '0.125',
  })
  t.match((await world.bid(dinar.itemId, ann, '2.500')).body, {
    currentPrice: '1.250',
    minNextBid: '1.375',
  })
})

t.test('callers are taken from the token alone', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  const ann = randomUUID()
  const send = (headers: Record<string, string>) =>
    world.app.inject({
      method: 'POST',
      url: `/api/v1/lots/${itemId}/bids`,
      headers,
      payload: { maxAmount: '10.00' },
    })
  const bearer = (claims = {}) => ({ authorization: `Bearer ${world.identity.token(ann, claims)}` })
  const past = Math.floor(Date.now() / 1000) - 10
  const attempts: [string, Record<string, string>][] = [
    ['no token', {}],
    ['a forged header alone', { 'x-user-id': ann }],
    ['a header that differs from the token', { ...bearer(), 'x-user-id': randomUUID() }],
    ['another audience', bearer({ aud: 'mfa' })],
    ['another issuer', bearer({ iss: 'another' })],
    ['expired', bearer({ exp: past })],
    ['no session', bearer({ sid: undefined })],
    ['a service token', serviceHeaders(world.identity)],
    ['basic', { authorization: 'Basic YTpi' }],
  ]
  for (const [name, headers] of attempts) {
    const answer = await send(headers)
    t.match(
      { status: answer.statusCode, body: answer.json() },
      { status: 401, body: { code: 'bid.unauthenticated' } },
      name,
    )
  }
  const internal = await world.app.inject({
    method: 'PUT',
    url: `/internal/v1/lots/${itemId}/terms`,
    headers: bearer(),
    payload: {},
  })
  t.equal(internal.statusCode, 401, 'a user token does not open an internal route')
  t.match(await world.lot(itemId), { bidCount: 0 })
  t.equal((await send({ ...bearer(), 'x-user-id': ann })).statusCode, 201)
})
