import { randomUUID } from 'node:crypto'
import { internalPaths, type LotTerms } from '@auction/common/contracts/terms.ts'
import t from 'tap'
import { CLOSING_GRACE_MS } from '#src/app/close-lots.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createWorld, lotTerms, type World } from '#test/helper.ts'

async function cancel({ app, identity }: World, terms: LotTerms) {
  const response = await app.inject({
    method: 'PUT',
    url: internalPaths.lotCancellation(terms.itemId),
    headers: { authorization: `Bearer ${identity.serviceToken('bid')}` },
    payload: terms,
  })
  return { statusCode: response.statusCode, body: response.json() }
}

async function told(world: World, itemId: string) {
  const { rows } = await world.pool.query(
    `select e->>'key' as key, e->'envelope'->'payload' as payload
     from outbox, json_array_elements(events) e where e->>'aggregateId' = $1 order by seq`,
    [itemId],
  )
  return rows.map(({ key, payload }) => ({ key, payload }))
}

t.test('a cancelled lot takes no bids, has no winner, and is never closed again', async (t) => {
  const world = await createWorld(t)
  const terms = lotTerms()
  await world.putTerms(terms)
  const ann = randomUUID()
  await world.bid(terms.itemId, ann, '25.00')
  t.match(await cancel(world, terms), { statusCode: 200, body: { outcome: 'cancelled' } })
  t.match(await cancel(world, terms), { statusCode: 200, body: { outcome: 'unchanged' } })
  t.match(await world.bid(terms.itemId, randomUUID(), '30.00'), {
    body: { code: 'bid.not_active' },
  })
  t.match(await world.lot(terms.itemId), { phase: 'cancelled', outcome: 'cancelled' })
  const events = (await told(world, terms.itemId)).slice(-2)
  t.match(events, [
    { key: 'bid.closed.v1', payload: { outcome: 'cancelled', bidCount: 1 } },
    { key: 'bid.lost.v1', payload: { userIds: [ann] } },
  ])
  await world.shiftLot(terms.itemId, -2 * 86_400_000 - CLOSING_GRACE_MS)
  t.equal(await world.close(), 0)
})

t.test('a lot that was never heard of is cancelled before its terms arrive', async (t) => {
  const world = await createWorld(t)
  const terms = lotTerms()
  t.match(await cancel(world, terms), { statusCode: 200, body: { outcome: 'cancelled' } })
  t.match(await world.putTerms({ ...terms, termsVersion: 2 }), {
    statusCode: 409,
    body: { code: 'lot.not_active' },
  })
  t.match(await world.bid(terms.itemId, randomUUID(), '30.00'), {
    body: { code: 'bid.not_active' },
  })
})

t.test('what was closed stays closed', async (t) => {
  const world = await createWorld(t)
  const terms = lotTerms()
  await world.putTerms(terms)
  await world.shiftLot(terms.itemId, -2 * 86_400_000 - CLOSING_GRACE_MS)
  t.equal(await world.close(), 1)
  t.match(await cancel(world, terms), { statusCode: 409, body: { code: 'lot.not_active' } })
  t.match(await cancel(world, { ...terms, startPrice: 'much' }), {
    statusCode: 422,
    body: { code: 'lot.invalid_terms' },
  })
})

t.test('bids and a cancellation at once leave a lot that its ledger explains', async (t) => {
  const world = await createWorld(t)
  const terms = lotTerms()
  await world.putTerms(terms)
  const [, ...bids] = await Promise.all([
    cancel(world, terms),
    ...Array.from({ length: 20 }, (_, index) =>
      world.bid(terms.itemId, randomUUID(), `${20 + index}.00`),
    ),
  ])
  const accepted = bids.filter(({ statusCode }) => statusCode === 201).length
  t.ok(bids.every(({ statusCode, body }) => statusCode === 201 || body.code === 'bid.not_active'))
  t.comment(`${accepted} of ${bids.length} bids were first`)
  t.match(await world.lot(terms.itemId), { phase: 'cancelled' })
  const { lots, violations } = await verifyLots(world.db, createBidSettings())
  t.strictSame({ lots, violations }, { lots: 1, violations: [] })
})
