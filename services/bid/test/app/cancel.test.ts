import { randomUUID } from 'node:crypto'
import { type ApplyTermsRequest, internalPaths } from '@auction/common/contracts/terms.ts'
import t from 'tap'
import { CLOSING_GRACE_MS } from '#src/app/close-lots.ts'
import { verifyLots } from '#src/app/verify-lots.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createWorld, lotTerms, serviceHeaders, type World } from '#test/helper.ts'

async function cancel({ app, identity }: World, terms: ApplyTermsRequest & { bySeller?: boolean }) {
  const response = await app.inject({
    method: 'PUT',
    url: internalPaths.lotCancellation(terms.itemId),
    headers: serviceHeaders(identity),
    payload: terms,
  })
  return { statusCode: response.statusCode, body: response.json() }
}

async function eventsOf(world: World, itemId: string) {
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
  const events = (await eventsOf(world, terms.itemId)).slice(-2)
  t.match(events, [
    { key: 'bid.closed.v1', payload: { outcome: 'cancelled', bidCount: 1, bySeller: undefined } },
    { key: 'bid.lost.v1', payload: { userIds: [ann] } },
  ])
  await world.shiftLot(terms.itemId, -2 * 86_400_000 - CLOSING_GRACE_MS)
  t.equal(await world.close(), 0)
})

t.test('a lot that is not known yet is cancelled before its terms arrive', async (t) => {
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

t.test('a cancellation with invalid terms or another seller is refused', async (t) => {
  const world = await createWorld(t)
  const known = lotTerms()
  await world.putTerms(known)
  for (const terms of [
    { ...lotTerms(), endDate: known.startDate, startDate: known.startDate },
    { ...known, sellerId: randomUUID(), bySeller: true },
  ]) {
    t.match(await cancel(world, terms), {
      statusCode: 422,
      body: { code: 'lot.invalid_terms' },
    })
  }
  t.match(await world.lot(known.itemId), { phase: 'open' })
})

t.test('a closed lot cannot be cancelled', async (t) => {
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

const HOUR_MS = 3_600_000

t.test(
  'a seller withdraws without bids any time, with bids until 12 hours before the end',
  async (t) => {
    const world = await createWorld(t)
    const lasting = async (hours: number, hasBid: boolean) => {
      const endDate = new Date(Date.now() + hours * HOUR_MS).toISOString()
      const terms = lotTerms({ endDate })
      await world.putTerms(terms)
      if (hasBid) await world.bid(terms.itemId, randomUUID(), '25.00')
      return { ...terms, bySeller: true }
    }
    for (const [hours, hasBid, statusCode] of [
      [1, false, 200],
      [11.99, true, 409],
      [12.01, true, 200],
    ] as const) {
      const terms = await lasting(hours, hasBid)
      const answer = await cancel(world, terms)
      t.equal(answer.statusCode, statusCode, `${hours} hours, ${hasBid ? 'a bid' : 'no bid'}`)
      if (statusCode === 409) t.match(answer.body, { code: 'lot.has_bids' })
      t.equal((await world.lot(terms.itemId)).phase, statusCode === 409 ? 'open' : 'cancelled')
      const closed = (await eventsOf(world, terms.itemId)).find(
        ({ key }) => key === 'bid.closed.v1',
      )
      t.equal(closed?.payload.bySeller, statusCode === 409 ? undefined : true)
    }
    const bound = await lasting(1, true)
    t.equal((await cancel(world, bound)).statusCode, 409)
    const { bySeller: _, ...terms } = bound
    t.equal((await cancel(world, terms)).statusCode, 200, 'moderators are not bound')
    const over = await lasting(1, false)
    await world.shiftLot(over.itemId, -HOUR_MS)
    t.match(await cancel(world, over), { statusCode: 409, body: { code: 'lot.not_active' } })
    t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
  },
)

t.test('a first bid and a withdrawal at one moment: one of them, never both', async (t) => {
  const world = await createWorld(t)
  const seen = { bid: 0, withdrawal: 0 }
  for (let round = 0; round < 20; round += 1) {
    const endDate = new Date(Date.now() + HOUR_MS).toISOString()
    const terms = { ...lotTerms({ endDate }), bySeller: true }
    const { bySeller: _, ...plain } = terms
    await world.putTerms(plain)
    const steps = [() => world.bid(terms.itemId, randomUUID(), '25.00'), () => cancel(world, terms)]
    // Both wait for the lot. The one that waits longer gets it first, so both orders are tried.
    const release = await world.hold(terms.itemId)
    const order = round % 2 === 0 ? steps : steps.toReversed()
    const pending = []
    for (const step of order) {
      pending.push(step())
      await world.waitForLocks(pending.length)
    }
    await release()
    const answers = await Promise.all(pending)
    const [bid, withdrawal] = round % 2 === 0 ? answers : answers.toReversed()
    t.not(bid?.statusCode === 201, withdrawal?.statusCode === 200, `round ${round}`)
    seen[bid?.statusCode === 201 ? 'bid' : 'withdrawal'] += 1
  }
  t.ok(seen.bid > 0 && seen.withdrawal > 0, JSON.stringify(seen))
  t.strictSame((await verifyLots(world.db, createBidSettings())).violations, [])
})
