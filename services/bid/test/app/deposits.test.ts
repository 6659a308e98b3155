import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { capturedEvent, heldEvent, newDeposit, publish, releasedEvent } from '#test/deposits.ts'
import { createWorld, lotTerms, serviceHeaders, type World } from '#test/helper.ts'

const DEPOSIT = { deposit: '50.00' }
const HOUR_MS = 3_600_000

const codeOf = async (world: World, itemId: string, bidderId: string, amount: string) =>
  (await world.bid(itemId, bidderId, amount)).body.code

t.test('a lot with a deposit takes bids of those of whom it is held', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms(DEPOSIT)
  const [ann, ben] = [randomUUID(), randomUUID()]
  t.match(await world.lot(itemId), { deposit: '50.00' })
  t.match(await world.bid(itemId, ann, '20.00'), {
    statusCode: 403,
    body: {
      code: 'bid.deposit_required',
      details: { deposit: '50.00', currencyCode: 'USD' },
    },
  })
  const held = newDeposit(itemId, ann)
  await publish(world, heldEvent(held))
  t.equal((await world.bid(itemId, ann, '20.00')).statusCode, 201)
  t.equal(await codeOf(world, itemId, ben, '30.00'), 'bid.deposit_required', 'others still cannot')
  const other = await world.putTerms(DEPOSIT)
  t.equal(
    await codeOf(world, other.itemId, ann, '20.00'),
    'bid.deposit_required',
    'nor on another lot',
  )
  await publish(world, releasedEvent(held, 3, 'hold_lost'))
  t.equal(await codeOf(world, itemId, ann, '40.00'), 'bid.deposit_required')
  t.match(await world.lot(itemId), { bidCount: 1, currentPrice: '10.00' }, 'what was bid stays')
  t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
})

t.test('events of a deposit may come in any order, and twice', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms(DEPOSIT)
  const [ann, ben, eve] = [randomUUID(), randomUUID(), randomUUID()]
  const ofAnn = newDeposit(itemId, ann)
  await publish(world, releasedEvent(ofAnn))
  await publish(world, heldEvent(ofAnn))
  t.equal(await codeOf(world, itemId, ann, '20.00'), 'bid.deposit_required')
  const ofBen = newDeposit(itemId, ben)
  await publish(world, capturedEvent(ofBen), heldEvent(ofBen), capturedEvent(ofBen))
  t.equal(await codeOf(world, itemId, ben, '20.00'), 'bid.deposit_required')
  const [first, second] = [newDeposit(itemId, eve), newDeposit(itemId, eve)]
  await publish(world, heldEvent(second), heldEvent(first), heldEvent(first))
  await publish(world, releasedEvent(first, 3, 'replaced'))
  t.equal((await world.bid(itemId, eve, '20.00')).statusCode, 201, 'the newer one holds')
})

t.test('a hold that ended by time counts no more, and no event is needed for that', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms(DEPOSIT)
  const ann = randomUUID()
  await publish(world, heldEvent(newDeposit(itemId, ann), 2, new Date(Date.now() + HOUR_MS)))
  t.equal((await world.bid(itemId, ann, '20.00')).statusCode, 201)
  await sql`update held_deposits set held_until = clock_timestamp()`.execute(world.db)
  t.equal(await codeOf(world, itemId, ann, '40.00'), 'bid.deposit_required')
})

t.test('buying at once wants the deposit too', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms({ ...DEPOSIT, buyoutPrice: '90.00' })
  const ann = randomUUID()
  t.match(await world.buy(itemId, ann), {
    statusCode: 403,
    body: { code: 'bid.deposit_required', details: { deposit: '50.00' } },
  })
  await publish(world, heldEvent(newDeposit(itemId, ann)))
  t.equal((await world.buy(itemId, ann)).statusCode, 201)
})

t.test('a deposit of a lot that was raised is not enough', async (t) => {
  const world = await createWorld(t)
  const terms = lotTerms(DEPOSIT)
  await world.putTerms(terms)
  const ann = randomUUID()
  await publish(world, heldEvent(newDeposit(terms.itemId, ann)))
  const raised = await world.putTerms({ ...terms, termsVersion: 2, deposit: '60.00' })
  t.match(raised.body, { outcome: 'replaced' })
  t.equal(await codeOf(world, terms.itemId, ann, '20.00'), 'bid.deposit_required')
  await publish(world, heldEvent(newDeposit(terms.itemId, ann, '60.00')))
  t.equal((await world.bid(terms.itemId, ann, '20.00')).statusCode, 201)
  const late = await world.putTerms({ ...terms, termsVersion: 3, deposit: '70.00' })
  t.match(late, { statusCode: 409, body: { code: 'lot.has_bids' } })
})

t.test('a batch of lots without a deposit asks nothing more', async (t) => {
  const world = await createWorld(t)
  const names: string[] = []
  const bidPool = world.createBidPool()
  bidPool.on('connect', (client) => {
    const query = client.query.bind(client) as (...values: unknown[]) => Promise<unknown>
    Object.assign(client, {
      query(...values: unknown[]) {
        const [statement] = values as [{ name?: string } | string]
        // A batch that took long asks for the time again, whatever its lots want.
        if (typeof statement === 'object' && statement.name !== 'server-clock')
          names.push(statement.name ?? '')
        return query(...values)
      },
    })
  })
  const app = await world.replica(bidPool)
  const plain = await world.putTerms()
  t.equal((await world.bid(plain.itemId, randomUUID(), '20.00', { app })).statusCode, 201)
  t.strictSame(names, ['lock-free-lots', 'clock-and-repeats', 'write-batch'])
  names.length = 0
  const { itemId } = await world.putTerms(DEPOSIT)
  await world.bid(itemId, randomUUID(), '20.00', { app })
  t.strictSame(names, ['lock-free-lots', 'clock-and-repeats', 'held-deposits'])
})

t.test('payment reads what a lot wants held, and where the lot is', async (t) => {
  const world = await createWorld(t)
  const read = async (itemId: string) =>
    world.app.inject({
      url: `/internal/v1/lots/${itemId}/deposit`,
      headers: serviceHeaders(world.identity),
    })
  const terms = lotTerms(DEPOSIT)
  const { itemId } = await world.putTerms(terms)
  const { sellerId, endDate } = terms
  t.strictSame((await read(itemId)).json(), {
    itemId,
    sellerId,
    currencyCode: 'USD',
    deposit: '50.00',
    phase: 'open',
    endDate,
  })
  const ann = randomUUID()
  await publish(world, heldEvent(newDeposit(itemId, ann)))
  await world.bid(itemId, ann, '20.00')
  await world.shiftLot(itemId, -48 * HOUR_MS)
  t.match((await read(itemId)).json(), { phase: 'closing' })
  await world.close()
  t.match((await read(itemId)).json(), { phase: 'closed', winnerId: ann })
  const plain = await world.putTerms()
  t.notHas((await read(plain.itemId)).json(), { deposit: '50.00' })
  t.match(await read(randomUUID()), { statusCode: 404 })
})
