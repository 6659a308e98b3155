import { randomUUID } from 'node:crypto'
import t from 'tap'
import { CARRIER_CODES, trackingUrl } from '#src/domain/carriers.ts'
import { callAs, createWorld, DAY_MS, paidOrder, shippedOrder } from '#test/helper.ts'

const ADDRESS = {
  name: 'Şükrü Alıcı',
  line1: 'İstiklal Caddesi 1',
  postalCode: '34430',
  city: 'İstanbul',
  country: 'TR',
}

t.test('an address is stored sealed, and shown to the seller only after it was paid', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const url = `/api/v1/orders/${order.id}`
  const choose = (userId: string, body: unknown) =>
    callAs(world, userId, 'PUT', `${url}/delivery`, body)
  const shipping = { method: 'shipping', address: ADDRESS }
  t.match(await choose(order.sellerId, shipping), {
    statusCode: 403,
    body: { code: 'order.not_yours' },
  })
  t.match(await choose(randomUUID(), shipping), { statusCode: 404 })
  t.match(await choose(order.buyerId, { method: 'shipping' }), {
    statusCode: 422,
    body: { code: 'order.address_required' },
  })
  const blank = { ...shipping, address: { ...ADDRESS, city: '\u200b' } }
  t.match(await choose(order.buyerId, blank), {
    statusCode: 422,
    body: { code: 'order.invalid_address', details: { field: 'city' } },
  })
  t.equal((await choose(order.buyerId, shipping)).statusCode, 204)
  t.match((await callAs(world, order.buyerId, 'GET', url)).body, {
    delivery: 'shipping',
    address: ADDRESS,
  })
  t.notOk((await callAs(world, order.sellerId, 'GET', url)).body.address)
  const { rows } = await world.database.pool.query<{ sealed: Buffer }>(
    'select sealed from addresses',
  )
  t.notMatch(rows[0]?.sealed.toString('latin1') ?? '', 'Caddesi')
})

t.test('a paid order is prepared, shipped with a number, received and completed', async (t) => {
  const world = await createWorld(t)
  const order = await paidOrder(world)
  const url = `/api/v1/orders/${order.id}`
  const as = { buyer: order.buyerId, seller: order.sellerId }
  await callAs(world, as.buyer, 'PUT', `${url}/delivery`, { method: 'shipping', address: ADDRESS })
  t.match((await callAs(world, as.seller, 'GET', url)).body.address, ADDRESS)
  t.equal((await callAs(world, as.seller, 'POST', `${url}/preparation`)).statusCode, 204)
  t.equal((await callAs(world, as.seller, 'POST', `${url}/preparation`)).statusCode, 204)
  const moved = { method: 'shipping', address: { ...ADDRESS, line1: 'elsewhere' } }
  t.equal((await callAs(world, as.buyer, 'PUT', `${url}/delivery`, moved)).statusCode, 409)

  const ship = (body: unknown) => callAs(world, as.seller, 'POST', `${url}/shipments`, body)
  t.equal((await ship({ carrier: 'pigeon' })).statusCode, 400)
  t.match(await ship({ carrier: 'dhl', trackingNumber: ' - - ' }), { statusCode: 422 })
  const pasted = 'jd01\u00a04600\u2010\u200b0012'
  t.equal((await ship({ carrier: 'dhl', trackingNumber: pasted })).statusCode, 204)
  t.equal((await ship({ carrier: 'dhl', trackingNumber: 'JD01 4600-0012' })).statusCode, 204)
  t.equal((await ship({ carrier: 'ups' })).statusCode, 204)
  const page = (await callAs(world, as.buyer, 'GET', url)).body
  t.match(page, {
    state: 'shipped',
    shipments: [
      { carrier: 'dhl', trackingNumber: 'JD0146000012', trackingUrl: /^https:.*JD0146000012$/ },
      { carrier: 'ups' },
    ],
    actions: ['confirm_receipt'],
  })
  t.equal(page.shipments.length, 2, 'the same parcel again is the same parcel')
  t.strictSame(
    (await world.published('order.shipped')).map(({ payload }) => payload.trackingNumber),
    ['JD0146000012'],
  )
  t.equal((await callAs(world, as.buyer, 'POST', `${url}/receipt`)).statusCode, 204)
  t.equal((await callAs(world, as.buyer, 'POST', `${url}/receipt`)).statusCode, 204)
  await world.letTimePass(6.9 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'delivered')
  await world.letTimePass(0.2 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'completed')
  t.strictSame(
    (await world.published('order.')).map(({ key }) => key),
    ['created', 'paid', 'shipped', 'delivered', 'completed'].map((word) => `order.${word}.v1`),
  )

  await world.letTimePass(91 * DAY_MS)
  await world.runTimers()
  t.notOk((await callAs(world, as.buyer, 'GET', url)).body.address, 'the address is deleted')
})

t.test('a shipped order is taken as delivered after 14 days', async (t) => {
  const world = await createWorld(t)
  const order = await shippedOrder(world)
  await world.letTimePass(14 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'delivered')
  t.match((await world.published('order.delivered'))[0]?.payload, { by: 'time' })
})

t.test('an order is not shipped before it is paid', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const url = `/api/v1/orders/${order.id}/shipments`
  t.match(await callAs(world, order.sellerId, 'POST', url, { carrier: 'dhl' }), {
    statusCode: 409,
    body: { code: 'order.wrong_state', details: { state: 'pending_payment' } },
  })
})

t.test('what is collected needs the code of the buyer, and five wrong ones end it', async (t) => {
  const world = await createWorld(t)
  const order = await paidOrder(world)
  const url = `/api/v1/orders/${order.id}`
  const as = { buyer: order.buyerId, seller: order.sellerId }
  const collect = (code: string) => callAs(world, as.seller, 'POST', `${url}/collection`, { code })
  const make = () => callAs(world, as.buyer, 'POST', `${url}/collection-code`)
  t.match(await make(), { statusCode: 409, body: { code: 'order.wrong_delivery' } })
  await callAs(world, as.buyer, 'PUT', `${url}/delivery`, { method: 'collection' })
  t.match(await collect('123456'), { statusCode: 409, body: { code: 'order.code_missing' } })
  const first = (await make()).body.code as string
  t.match(first, /^[0-9]{6}$/)
  const wrong = first === '000000' ? '000001' : '000000'
  for (let times = 0; times < 5; times += 1)
    t.match(await collect(wrong), { statusCode: 422, body: { code: 'order.code_wrong' } })
  t.match(await collect(first), { statusCode: 409, body: { code: 'order.code_locked' } })
  const second = (await make()).body.code as string
  if (second !== first) t.match(await collect(first), { body: { code: 'order.code_wrong' } })
  t.equal(
    (await callAs(world, as.buyer, 'POST', `${url}/collection`, { code: second })).statusCode,
    403,
  )
  t.match(await callAs(world, as.seller, 'POST', `${url}/shipments`, { carrier: 'dhl' }), {
    body: { code: 'order.wrong_delivery' },
  })
  t.match(await collect('12345a'), { statusCode: 400, body: { details: { field: 'code' } } })
  const typed = `\u2068${second.slice(0, 3)}\u00a0-${second.slice(3)}`
  t.equal((await collect(typed)).statusCode, 204)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'completed')
  t.match((await world.published('order.delivered'))[0]?.payload, { by: 'collection' })
})

t.test('a seller sends nothing before the buyer has said how to get it', async (t) => {
  const world = await createWorld(t)
  const order = await paidOrder(world)
  const url = `/api/v1/orders/${order.id}`
  const page = async () => (await callAs(world, order.sellerId, 'GET', url)).body
  t.strictSame((await page()).actions, [])
  for (const [path, body] of [
    ['preparation', undefined],
    ['shipments', { carrier: 'dhl' }],
  ] as const)
    t.match(await callAs(world, order.sellerId, 'POST', `${url}/${path}`, body), {
      statusCode: 409,
      body: { code: 'order.delivery_not_chosen' },
    })
  t.equal((await page()).shipments.length, 0)
  await callAs(world, order.buyerId, 'PUT', `${url}/delivery`, {
    method: 'shipping',
    address: ADDRESS,
  })
  t.strictSame((await page()).actions, ['prepare', 'ship'])
})

t.test('the same choice again writes nothing, and the timeline shows the latest one', async (t) => {
  const world = await createWorld(t)
  const order = await paidOrder(world)
  const url = `/api/v1/orders/${order.id}`
  const choose = (body: unknown) => callAs(world, order.buyerId, 'PUT', `${url}/delivery`, body)
  const shipping = { method: 'shipping', address: ADDRESS }
  const sequences: number[] = []
  for (const body of [
    shipping,
    shipping,
    { ...shipping, address: { ...ADDRESS, line1: 'Elsewhere 2' } },
    { method: 'collection' },
    { method: 'collection' },
  ]) {
    t.equal((await choose(body)).statusCode, 204)
    sequences.push((await world.order(order.id)).sequence)
  }
  t.strictSame(sequences, [3, 3, 4, 5, 5])
  const code = (await callAs(world, order.buyerId, 'POST', `${url}/collection-code`)).body.code
  await choose({ method: 'collection' })
  const { timeline } = (await callAs(world, order.buyerId, 'GET', url)).body
  t.strictSame(
    timeline.map(({ sequence, act }: { sequence: number; act: string }) => [sequence, act]),
    [
      [1, 'create'],
      [2, 'pay'],
      [5, 'choose_delivery'],
    ],
  )
  t.equal(
    (await callAs(world, order.sellerId, 'POST', `${url}/collection`, { code })).statusCode,
    204,
    'the code is still the one',
  )
})

t.test('every carrier but "other" has a page for a number', (t) => {
  for (const carrier of CARRIER_CODES) {
    const url = trackingUrl(carrier, 'AB12345')
    if (carrier === 'other') t.equal(url, undefined)
    else t.match(url, /^https:\/\/\S+AB12345$/, carrier)
    t.equal(trackingUrl(carrier, ''), undefined)
  }
  t.end()
})
