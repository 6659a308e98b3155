import { randomUUID } from 'node:crypto'
import { bidClosed, bidExtended } from '@auction/common/contracts/bid.ts'
import t from 'tap'
import { sweepTerms } from '#src/app/lot-terms/sweep-terms.ts'
import { consume, event, permutations, placed } from '#test/bid-history.ts'
import { build, call, createPublished, type Fixture, writtenEvents } from '#test/helper.ts'

const MINUTE_MS = 60_000

const show = async (fixture: Fixture, id: string) =>
  (await call(fixture, 'GET', `/api/v1/items/${id}`, { as: fixture.seller })).body

const later = (instant: unknown, minutes: number) =>
  new Date(Date.parse(String(instant)) + minutes * MINUTE_MS).toISOString()

/** bid.extended of a lot that an outage moved to `endDate`. */
function extended(itemId: string, sequence: number, originalEndDate: string, endDate: string) {
  const payload = {
    itemId,
    reason: 'outage',
    outageFrom: later(originalEndDate, -2),
    outageUntil: later(originalEndDate, 1),
    previousEndDate: originalEndDate,
    originalEndDate,
    endDate,
    hardEndDate: later(endDate, 60),
    extensionCount: 1,
    timestamp: later(originalEndDate, 1),
    sequence,
  }
  return event(bidExtended, itemId, payload, sequence)
}

const extensionsOf = async ({ database }: Fixture, id: string) =>
  (await writtenEvents(database, id)).filter(({ key }) => key === 'item.extended.v1')

t.test(
  'an extension after an outage moves the end, is announced once and changes nothing else',
  async (t) => {
    const fixture = await build(t)
    const id = await createPublished(fixture)
    const before = await show(fixture, id)
    const endDate = later(before.endDate, 75)
    const message = extended(id, 1, String(before.endDate), endDate)
    await consume(fixture.dependencies, [message, message])
    await consume(fixture.dependencies, [message])
    const { updatedAt: _, serverTime: __, ...after } = await show(fixture, id)
    t.match(after, { endDate, hardEndDate: endDate, currentPrice: '100.00', bidCount: 0 })
    const published = await extensionsOf(fixture, id)
    t.match(published, [
      {
        payload: {
          endDate,
          originalEndDate: before.endDate,
          reason: 'outage',
          extensionCount: 1,
          sequence: 1,
        },
      },
    ])
    t.equal(published.length, 1)
  },
)

t.test('bids, an outage and the closing end in the same state in every order', async (t) => {
  const fixture = await build(t)
  const { dependencies, database } = fixture
  const first = await createPublished(fixture)
  const { endDate } = await show(fixture, first)
  const original = String(endDate)
  const [afterOutage, afterBid] = [later(original, 20), later(original, 25)]
  const history = (id: string) => [
    placed(id, 1, { amount: '100.00', endDate: original, extensionCount: 0 }),
    extended(id, 2, original, afterOutage),
    placed(id, 3, { amount: '110.00', bidCount: 2, endDate: afterOutage, extensionCount: 1 }),
    placed(id, 4, {
      amount: '120.00',
      bidCount: 3,
      endDate: afterBid,
      extended: true,
      extensionCount: 2,
    }),
    event(
      bidClosed,
      id,
      {
        itemId: id,
        round: 1,
        outcome: 'reserve_not_met',
        currencyCode: 'USD',
        currentPrice: '120.00',
        bidCount: 3,
        reserveMet: false,
        endDate: afterBid,
        closedAt: later(afterBid, 1),
        extensionCount: 2,
        sequence: 5,
      },
      5,
    ),
  ]
  for (const order of permutations([0, 1, 2, 3, 4])) {
    const id = await createPublished(fixture)
    await database.pool.query(
      'update items set end_date = $2, original_end_date = $2 where id = $1',
      [id, original],
    )
    const events = history(id)
    for (const index of order) {
      const message = events[index]
      if (message !== undefined) await consume(dependencies, [message])
    }
    const { rows } = await database.pool.query(
      'select end_date, extension_count, current_price, bid_count, status from items where id = $1',
      [id],
    )
    t.match(
      rows[0],
      {
        end_date: new Date(afterBid),
        extension_count: 2,
        current_price: 12_000n,
        bid_count: 3,
        status: 'expired',
      },
      order.join(),
    )
    const ends = (await extensionsOf(fixture, id)).map(({ payload }) => String(payload.endDate))
    t.equal(ends.at(-1), afterBid, 'the last end is published')
    t.strictSame(ends, [...new Set(ends)].sort(), 'each once and in order')
  }
})

t.test('before the first bid a seller may still change the price and the end', async (t) => {
  const fixture = await build(t)
  const { dependencies, seller } = fixture
  const edit = async (id: string, body: Record<string, unknown>) => {
    const answer = await call(fixture, 'PUT', `/api/v1/items/${id}`, { as: seller, body })
    t.equal(answer.statusCode, 200, JSON.stringify(answer.body))
  }
  const id = await createPublished(fixture)
  const original = String((await show(fixture, id)).endDate)
  const endDate = later(original, 20)
  await consume(dependencies, [extended(id, 1, original, endDate)])
  await edit(id, { startPrice: '50.00' })
  t.match(await show(fixture, id), { startPrice: '50.00', currentPrice: '50.00', endDate })
  const chosen = later(original, 600)
  await edit(id, { endDate: chosen })
  t.match(await show(fixture, id), { endDate: chosen })

  const edited = await createPublished(fixture)
  const before = String((await show(fixture, edited)).endDate)
  await edit(edited, { endDate: later(before, 600) })
  await consume(dependencies, [extended(edited, 1, before, later(before, 20))])
  t.match(
    await show(fixture, edited),
    { endDate: later(before, 600) },
    'the end chosen since stays',
  )
  t.strictSame(await extensionsOf(fixture, edited), [])
})

t.test('an extension of the end that a pending edit brings is retried until then', async (t) => {
  const fixture = await build(t)
  const { bid, dependencies, seller } = fixture
  const id = await createPublished(fixture)
  const before = String((await show(fixture, id)).endDate)
  const chosen = later(before, -60)
  const endDate = later(chosen, 20)
  // bid has the new end, an outage moved it, and the edit is not finished here.
  const message = extended(id, 1, chosen, endDate)
  bid.mode = 'silent'
  const edit = { as: seller, body: { endDate: chosen } }
  t.equal((await call(fixture, 'PUT', `/api/v1/items/${id}`, edit)).statusCode, 503)
  await t.rejects(consume(dependencies, [message]), /pending/)
  t.match(await show(fixture, id), { endDate: before })
  // One of the end that is known here waits for nothing.
  const other = await createPublished(fixture)
  const known = String((await show(fixture, other)).endDate)
  await call(fixture, 'PUT', `/api/v1/items/${other}`, edit)
  await consume(dependencies, [extended(other, 1, known, later(known, 20))])
  t.match(await show(fixture, other), { endDate: later(known, 20) })
  bid.mode = 'up'
  await sweepTerms(dependencies, 0)
  await consume(dependencies, [message])
  t.match(await show(fixture, id), { endDate })
  t.match(await extensionsOf(fixture, id), [
    { payload: { endDate, originalEndDate: chosen, reason: 'outage' } },
  ])
  // Late and repeated ones change nothing, also while the next edit is pending.
  bid.mode = 'silent'
  await call(fixture, 'PUT', `/api/v1/items/${id}`, { as: seller, body: { startPrice: '50.00' } })
  await consume(dependencies, [message])
  t.match(await show(fixture, id), { endDate })
})

t.test('an extension of an unknown item is retried', async (t) => {
  const fixture = await build(t)
  const endDate = new Date().toISOString()
  const message = extended(randomUUID(), 1, endDate, later(endDate, 20))
  await t.rejects(consume(fixture.dependencies, [message]), /not known/)
})
