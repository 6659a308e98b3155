import { randomUUID } from 'node:crypto'
import { NEXT_PATH } from '@auction/common/contracts/item-summaries.ts'
import t from 'tap'
import { createWorld, type Person, type World } from '#test/helper.ts'

const nowSeconds = () => Math.floor(Date.now() / 1_000)
const adminOf = (world: World, ageSeconds = 0) =>
  world.person({ roles: ['user', 'admin'], auth_time: nowSeconds() - ageSeconds })

async function call(
  { app }: World,
  method: 'GET' | 'POST' | 'PUT',
  url: string,
  { headers }: Person,
  payload?: object,
) {
  const response = await app.inject({
    method,
    url: `/api/v1/billing/${url}`,
    headers,
    ...(payload === undefined ? {} : { payload }),
  })
  return { status: response.statusCode, body: response.body === '' ? undefined : response.json() }
}

t.test(
  'a seller asks what a sale would cost, and an administrator changes it from now on',
  async (t) => {
    const world = await createWorld(t)
    const [admin, ann, ben, cem] = [adminOf(world), world.person(), world.person(), world.person()]
    const quote = (person: Person, query = '') =>
      call(world, 'GET', `commission?amount=100.00&currencyCode=EUR${query}`, person)
    t.match((await quote(ann)).body, { commission: '0.00', net: '100.00', basisPoints: 0 })
    for (const rate of [
      { basisPoints: 1_000 },
      { basisPoints: 100, currencyCode: 'EUR', minAmount: '2.50', sellerId: cem.id },
      { basisPoints: 500, sellerId: ben.id },
    ]) {
      t.equal((await call(world, 'POST', 'commission-rates', admin, rate)).status, 201)
    }
    const tax = { jurisdiction: 'DE', kind: 'commission', basisPoints: 1_900 }
    t.equal((await call(world, 'POST', 'tax-rates', admin, tax)).status, 201)
    t.match((await quote(ann)).body, { commission: '10.00', tax: '1.90', net: '88.10' })
    t.match((await quote(cem)).body, { commission: '2.50', tax: '0.48' })
    t.match((await quote(ben)).body, { commission: '5.00', basisPoints: 500 })
    const status = { reason: 'reverse_charge', note: 'vies/2026-07-01/4711' }
    t.equal((await call(world, 'PUT', `tax-statuses/${ben.id}`, admin, status)).status, 204)
    t.match((await quote(ben)).body, { commission: '5.00', tax: '0.00', net: '95.00' })
    const { body } = await call(world, 'GET', 'commission-rates', admin)
    t.equal(body.rates.length, 3)
    t.ok(body.rates.some((one: { minAmount?: string }) => one.minAmount === '2.50'))
  },
)

t.test('only administrators with a fresh proof change what is charged', async (t) => {
  const world = await createWorld(t)
  const [seller, moderator] = [world.person(), world.person({ roles: ['user', 'moderator'] })]
  const stale = adminOf(world, 700)
  const changes = [
    ['POST', 'commission-rates', { basisPoints: 1 }],
    ['POST', 'tax-rates', { jurisdiction: 'DE', kind: 'premium', basisPoints: 1 }],
    ['PUT', `tax-statuses/${randomUUID()}`, { reason: 'exempt', note: 'x' }],
  ] as const
  for (const [method, url, body] of changes) {
    for (const person of [seller, moderator]) {
      t.equal((await call(world, method, url, person, body)).body.code, 'payment.forbidden', url)
    }
    t.equal((await call(world, method, url, stale, body)).body.code, 'payment.proof_required', url)
  }
  t.equal((await call(world, 'GET', 'commission-rates', seller)).status, 403)
})

t.test('a rate has bounds of its currency and does not begin in the past', async (t) => {
  const world = await createWorld(t)
  const admin = adminOf(world)
  const soon = new Date(Date.now() + 3_600_000).toISOString()
  const later = new Date(Date.now() + 7_200_000).toISOString()
  const refused: [string, object][] = [
    ['charge.invalid_bounds', { basisPoints: 1, minAmount: '1.00' }],
    [
      'charge.invalid_bounds',
      { basisPoints: 1, currencyCode: 'EUR', minAmount: '2', maxAmount: '1' },
    ],
    ['charge.invalid_amount', { basisPoints: 1, currencyCode: 'JPY', minAmount: '1.50' }],
    ['charge.invalid_amount', { basisPoints: 1, currencyCode: 'XXQ' }],
    ['charge.invalid_time', { basisPoints: 1, validFrom: '2020-01-01T00:00:00Z' }],
    ['charge.invalid_time', { basisPoints: 1, validFrom: later, validTo: soon }],
    ['charge.invalid_time', { basisPoints: 1, validTo: '2020-01-01T00:00:00Z' }],
  ]
  for (const [code, body] of refused) {
    const answer = await call(world, 'POST', 'commission-rates', admin, body)
    t.match(answer, { status: 422, body: { code } }, JSON.stringify(body))
  }
  const tax = {
    jurisdiction: 'DE',
    kind: 'premium',
    basisPoints: 1,
    validFrom: '2020-01-01T00:00:00Z',
  }
  t.equal((await call(world, 'POST', 'tax-rates', admin, tax)).body.code, 'charge.invalid_time')
  const future = { basisPoints: 900, validFrom: soon, validTo: later }
  t.equal((await call(world, 'POST', 'commission-rates', admin, future)).status, 201)
  t.match((await call(world, 'GET', 'commission?amount=1&currencyCode=EUR', admin)).body, {
    commission: '0.00',
  })
})

t.test('rates that are there are never changed', async (t) => {
  const world = await createWorld(t)
  await call(world, 'POST', 'commission-rates', adminOf(world), { basisPoints: 1 })
  for (const change of [
    'update commission_rates set basis_points = 2',
    'delete from commission_rates',
  ]) {
    await t.rejects(world.database.pool.query(change), /never changed/)
  }
})

t.test('a rate of a category holds for that and those below it', async (t) => {
  const world = await createWorld(t)
  const [watches, jewellery] = [randomUUID(), randomUUID()]
  const rate = (basisPoints: number, categoryId?: string) =>
    call(world, 'POST', 'commission-rates', adminOf(world), {
      basisPoints,
      ...(categoryId === undefined ? {} : { categoryId }),
    })
  t.equal((await rate(500)).status, 201)
  t.equal((await rate(1_500, jewellery)).status, 201)
  const quote = async (categoryIds: string) =>
    (
      await call(
        world,
        'GET',
        `commission?amount=100.00&currencyCode=EUR${categoryIds}`,
        world.person(),
      )
    ).body
  t.match(await quote(''), { commission: '5.00' })
  t.match(await quote(`&categoryIds=${watches}`), { commission: '5.00' })
  t.match(await quote(`&categoryIds=${watches},${jewellery}`), { commission: '15.00' })
  t.match(await quote('&categoryIds=lamps'), { code: 'request.invalid_query' })
  // As many as an item may have: five categories at the lowest level of the tree.
  const path = () => Array.from({ length: 6 }, () => randomUUID())
  const dear = [...path().slice(1), jewellery]
  const paths = [path(), path(), path(), path(), dear].map((ids) => ids.join(','))
  const all = paths.join(`,${NEXT_PATH},`)
  t.match(await quote(`&categoryIds=${all}`), { commission: '15.00' })
  t.match(await quote(`&categoryIds=${all},${watches}`), { code: 'request.invalid_query' })
})

t.test('all read the rates that count now for every seller, and no rate of one', async (t) => {
  const world = await createWorld(t)
  const admin = adminOf(world)
  const categoryId = randomUUID()
  const soon = new Date(Date.now() + 3_600_000).toISOString()
  for (const rate of [
    { basisPoints: 1_000 },
    { basisPoints: 900 },
    { basisPoints: 1_200, categoryId },
    { basisPoints: 800, currencyCode: 'EUR', minAmount: '1.00' },
    { basisPoints: 1, sellerId: world.person().id },
    { basisPoints: 2, validFrom: soon },
  ]) {
    t.equal((await call(world, 'POST', 'commission-rates', admin, rate)).status, 201)
  }
  const { statusCode, headers, body } = await world.app.inject('/api/v1/billing/fees')
  t.equal(statusCode, 200)
  t.equal(headers['cache-control'], 'public, max-age=60')
  const { rates } = JSON.parse(body) as { rates: Record<string, unknown>[] }
  t.strictSame(
    rates.map(({ basisPoints }) => basisPoints).sort(),
    [1_200, 800, 900],
    'the newest of each category and currency',
  )
  t.notOk(rates.some(({ sellerId }) => sellerId !== undefined))
})
