import { randomUUID } from 'node:crypto'
import { bidPlaced, bidReserveMet, bidWon } from '@auction/common/contracts/bid.ts'
import { PermanentError } from '@auction/common/rabbitmq/consumer.ts'
import fc from 'fast-check'
import t from 'tap'
import {
  consume,
  event,
  type HistoryOptions,
  history,
  permutations,
  placed,
  type Step,
} from '#test/bid-history.ts'
import {
  build,
  call,
  createPublished,
  type Fixture,
  inMinutes,
  type WrittenEvent,
  writtenEvents,
} from '#test/helper.ts'

const STATE = `select status, current_price, bid_count, reserve_met, buy_now_available, end_date,
  outcome, end_reason, buyer_id, end_price, closed_at, bid_sequence, reserve_sequence,
  closed_sequence from items where id = $1`

async function stateOf({ database }: Fixture, itemId: string) {
  const { rows } = await database.pool.query(STATE, [itemId])
  return rows[0]
}

/** Copies of one published item, so that a thousand orders need no thousand requests. */
async function copies({ database }: Fixture, itemId: string, count: number): Promise<string[]> {
  const { rows: columns } = await database.pool.query<{ names: string }>(
    `select string_agg(column_name, ', ') as names from information_schema.columns
     where table_name = 'items' and column_name <> 'id'`,
  )
  const { rows } = await database.pool.query<{ id: string }>(
    `insert into items (id, ${columns[0]?.names})
     select gen_random_uuid(), ${columns[0]?.names} from items, generate_series(1, $2)
     where id = $1 returning id`,
    [itemId, count],
  )
  return rows.map(({ id }) => id)
}

type Checks = Pick<typeof t, 'strictSame'>

/** Every extension is known once the last end is: each event moves it on, and all precede the ending. */
function checkExtensions(t: Checks, published: WrittenEvent[], firstEnd: string, lastEnd: string) {
  const ended = published.findIndex(({ key }) => key === 'item.ended.v1')
  const extensions = published.filter(({ key }) => key === 'item.extended.v1')
  const before = published.slice(0, ended).filter(({ key }) => key === 'item.extended.v1')
  t.strictSame(before, extensions, 'no extension is published after the end')
  const ends = [firstEnd, ...extensions.map(({ payload }) => String(payload.endDate))]
  t.strictSame(ends, [...new Set(ends)].sort(), 'each extension moves the end')
  t.strictSame(ends.at(-1), lastEnd, 'the last end is published')
  const numbers = extensions.flatMap(({ payload }) => payload.extensionCount ?? [])
  t.strictSame(numbers, [...new Set(numbers)].sort(), 'numbered in order')
}

function checkTold(t: Checks, published: WrittenEvent[], outcome: HistoryOptions['outcome']) {
  const keys = published.map(({ key }) => key)
  const last = outcome === 'sold' ? 'item.sold.v1' : 'item.expired.v1'
  t.strictSame(
    keys.filter((key) => key !== 'item.extended.v1'),
    ['item.ended.v1', last],
  )
  const [first] = published
  t.strictSame(
    published.map(({ sequence }) => sequence - (first?.sequence ?? 0)),
    published.map((_, index) => index),
    'numbered without gaps',
  )
}

t.test('the end state is the same in every order of a history', async (t) => {
  const fixture = await build(t)
  const { dependencies } = fixture
  const endDate = inMinutes(60)
  const original = await createPublished(fixture, { endDate, reservePrice: '120' })
  const steps: Step[] = [
    { price: '100.00' },
    { price: '120.00', extended: true, meetsReserve: true },
  ]
  const buyerId = randomUUID()
  for (const outcome of ['sold', 'reserve_not_met'] as const) {
    const met =
      outcome === 'sold'
        ? steps
        : steps.map(({ price, extended }) => ({ price, extended: extended === true }))
    const length = history({ itemId: original, endDate, steps: met, outcome, buyerId }).events
      .length
    const orders = permutations(Array.from({ length }, (_, index) => index))
    const ids = await copies(fixture, original, orders.length)
    let expected: unknown
    for (const [index, order] of orders.entries()) {
      const itemId = ids[index] ?? ''
      const { events } = history({ itemId, endDate, steps: met, outcome, buyerId })
      for (const at of order) {
        const one = events[at]
        // Each comes twice, as a broker may deliver it.
        if (one !== undefined) {
          await consume(dependencies, [one])
          await consume(dependencies, [one])
        }
      }
      const state = await stateOf(fixture, itemId)
      expected ??= state
      t.strictSame(state, expected, `${outcome} ${order.join(' ')}`)
    }
    t.match(expected, { status: outcome === 'sold' ? 'sold' : 'expired', current_price: 12_000n })
    const all = await writtenEvents(fixture.database)
    for (const itemId of ids) {
      const published = all.filter(({ payload }) => payload.id === itemId)
      checkTold(t, published, outcome)
      const lastEnd = new Date(Date.parse(endDate) + 300_000).toISOString()
      checkExtensions(t, published, endDate, lastEnd)
    }
  }
})

t.test('random histories, shuffled, repeated and batched, end as they do in order', async (t) => {
  const fixture = await build(t)
  const { dependencies } = fixture
  const endDate = inMinutes(60)
  const original = await createPublished(fixture, { endDate })
  const step = fc.record({ extended: fc.boolean(), meetsReserve: fc.boolean() })
  const plan = fc.record({
    steps: fc.array(step, { maxLength: 12 }),
    isSold: fc.boolean(),
    isCounting: fc.boolean(),
    order: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
    cuts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 40, maxLength: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(plan, async ({ steps, isSold, isCounting, order, cuts }) => {
      const [inOrder = '', shuffled = ''] = await copies(fixture, original, 2)
      const options = {
        endDate,
        isCounting,
        buyerId: randomUUID(),
        steps: steps.map((one, index) => ({ ...one, price: `${101 + index}.00` })),
        outcome: steps.length === 0 ? 'no_bids' : isSold ? 'sold' : 'reserve_not_met',
      } as const
      for (const one of history({ ...options, itemId: inOrder }).events) {
        await consume(dependencies, [one])
      }
      const { events } = history({ ...options, itemId: shuffled })
      const dealt = [...events, ...events].sort(
        (left, right) =>
          (order[events.indexOf(left) % 40] ?? 0) - (order[events.indexOf(right) % 40] ?? 0),
      )
      for (let at = 0, turn = 0; at < dealt.length; turn += 1) {
        const size = cuts[turn % 40] ?? 1
        await consume(dependencies, dealt.slice(at, at + size))
        at += size
      }
      t.strictSame(await stateOf(fixture, shuffled), await stateOf(fixture, inOrder))
      const published = await writtenEvents(fixture.database, shuffled)
      checkTold(t, published, options.outcome)
      const extended = steps.filter((one) => one.extended).length
      const lastEnd = new Date(Date.parse(endDate) + extended * 300_000).toISOString()
      checkExtensions(t, published, endDate, lastEnd)
    }),
    { numRuns: 60 },
  )
})

t.test(
  'two workers at once, some of whose batches are lost, end as one does in order',
  async (t) => {
    const fixture = await build(t)
    const { dependencies } = fixture
    const endDate = inMinutes(60)
    const original = await createPublished(fixture, { endDate, reservePrice: '105' })
    const step = fc.record({ extended: fc.boolean(), meetsReserve: fc.boolean() })
    const draw = { minLength: 40, maxLength: 40 }
    const plan = fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 10 }),
      isCounting: fc.boolean(),
      order: fc.array(fc.nat(), draw),
      cuts: fc.array(fc.integer({ min: 1, max: 4 }), draw),
      isLost: fc.array(fc.boolean(), draw),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ steps, isCounting, order, cuts, isLost }) => {
        const [inOrder = '', shared = ''] = await copies(fixture, original, 2)
        const options = {
          endDate,
          isCounting,
          buyerId: randomUUID(),
          steps: steps.map((one, index) => ({ ...one, price: `${101 + index}.00` })),
          outcome: 'sold',
        } as const
        for (const one of history({ ...options, itemId: inOrder }).events) {
          await consume(dependencies, [one])
        }
        const { events } = history({ ...options, itemId: shared })
        const queue = [...events, ...events].sort(
          (left, right) =>
            (order[events.indexOf(left) % 40] ?? 0) - (order[events.indexOf(right) % 40] ?? 0),
        )
        let turn = 0
        const work = async () => {
          while (queue.length > 0) {
            turn += 1
            const batch = queue.splice(0, cuts[turn % 40] ?? 1)
            // The process ends before the commit, and the broker delivers the batch again.
            if (turn < 40 && isLost[turn] === true) {
              await consume(dependencies, batch, 'lost')
              queue.push(...batch)
            } else await consume(dependencies, batch)
          }
        }
        await Promise.all([work(), work()])
        t.strictSame(await stateOf(fixture, shared), await stateOf(fixture, inOrder))
        const published = await writtenEvents(fixture.database, shared)
        checkTold(t, published, 'sold')
        const extended = steps.filter((one) => one.extended).length
        const lastEnd = new Date(Date.parse(endDate) + extended * 300_000).toISOString()
        checkExtensions(t, published, endDate, lastEnd)
      }),
      { numRuns: 40 },
    )
  },
)

t.test('bid.placed', async (t) => {
  const fixture = await build(t)
  const { dependencies, database } = fixture
  const show = async (id: string) => (await call(fixture, 'GET', `/api/v1/items/${id}`)).body

  t.test('moves price, count, flags and end', async (t) => {
    const id = await createPublished(fixture, { buyoutPrice: '500' })
    const endDate = inMinutes(24 * 60 + 5)
    await consume(dependencies, [placed(id, 1, { amount: '100.00', extended: true, endDate })])
    t.match(await show(id), {
      currentPrice: '100.00',
      bidCount: 1,
      buyNowAvailable: false,
      endDate,
      status: 'active',
    })
    const [extended] = (await writtenEvents(database, id)).slice(-1)
    t.match(extended, { key: 'item.extended.v1', sequence: 4, payload: { endDate, sequence: 1 } })
  })

  t.test('repeated or late neither lowers the price nor extends again', async (t) => {
    const id = await createPublished(fixture)
    const first = placed(id, 1, { amount: '100.00', extended: true, endDate: inMinutes(1_445) })
    const second = placed(id, 2, { amount: '110.00', extended: true, endDate: inMinutes(1_450) })
    await consume(dependencies, [first])
    await consume(dependencies, [second, second])
    await consume(dependencies, [first])
    await consume(dependencies, [second])
    t.match(await show(id), { currentPrice: '110.00', bidCount: 2 })
    const sent = (await writtenEvents(database, id)).filter(({ key }) => key === 'item.extended.v1')
    t.strictSame(
      sent.map(({ payload }) => payload.sequence),
      [1, 2],
    )
  })

  t.test('folds a batch of many items at once, and publishes each extension', async (t) => {
    const [one = '', two = ''] = await copies(fixture, await createPublished(fixture), 2)
    const [firstEnd, secondEnd] = [inMinutes(1_445), inMinutes(1_450)]
    await consume(dependencies, [
      placed(one, 2, { amount: '102.00', extended: true, endDate: secondEnd }),
      placed(two, 1, { amount: '100.00' }),
      placed(one, 1, { amount: '101.00', extended: true, endDate: firstEnd }),
      placed(one, 3, { amount: '103.00', endDate: secondEnd }),
    ])
    t.match(await show(one), { currentPrice: '103.00', bidCount: 3 })
    t.match(await show(two), { currentPrice: '100.00', bidCount: 1 })
    const published = await writtenEvents(database, one)
    t.strictSame(
      published.map(({ sequence, payload }) => [sequence, payload.sequence]),
      [
        [4, 1],
        [5, 2],
      ],
    )
  })

  t.test('of an unknown item is retried, in a wrong currency it is a dead letter', async (t) => {
    const unknown = await consume(dependencies, [
      placed(randomUUID(), 1, { amount: '1.00' }),
    ]).catch((error: unknown) => error)
    t.match(unknown, { message: /not known/ })
    t.notOk(unknown instanceof PermanentError)
    const id = await createPublished(fixture)
    const foreign = consume(dependencies, [placed(id, 1, { amount: '1.00', currencyCode: 'EUR' })])
    await t.rejects(foreign, { name: 'PermanentError' })
    t.match(await show(id), { bidCount: 0, currentPrice: '100.00' })
  })

  t.test("of the original's publisher counts once and never lowers the price", async (t) => {
    const id = await createPublished(fixture)
    const thin = (amount: string, bidId?: string, minutes = 0) =>
      event(bidPlaced, id, {
        itemId: id,
        amount,
        timestamp: inMinutes(minutes),
        ...(bidId === undefined ? {} : { bidId }),
      })
    const bidId = randomUUID()
    const unnamed = thin('130.00')
    await consume(dependencies, [thin('150.00', bidId), unnamed])
    await consume(dependencies, [unnamed, thin('150.00', bidId), thin('120.00', randomUUID())])
    t.match(await show(id), { currentPrice: '150.00', bidCount: 3 })
    await consume(dependencies, [thin('900.00', randomUUID(), 2_000)])
    t.match(await show(id), { currentPrice: '150.00', bidCount: 3 }, 'after the end it is too late')
  })
})

t.test(
  'a bid that comes after the closing changes nothing: the closing brought its extension',
  async (t) => {
    const fixture = await build(t)
    const endDate = inMinutes(60)
    const id = await createPublished(fixture, { endDate })
    const steps = [{ price: '100.00', extended: true }, { price: '110.00' }]
    const buyerId = randomUUID()
    const { events } = history({ itemId: id, endDate, steps, outcome: 'sold', buyerId })
    await consume(fixture.dependencies, events.slice(2))
    const closed = await stateOf(fixture, id)
    t.match(closed, { status: 'sold', current_price: 11_000n, bid_count: 2 })
    await consume(fixture.dependencies, events.slice(0, 1))
    await consume(fixture.dependencies, events.slice(1, 2))
    t.strictSame(await stateOf(fixture, id), closed)
    checkTold(t, (await writtenEvents(fixture.database, id)).slice(3), 'sold')
    const keys = (await writtenEvents(fixture.database, id)).map(({ key }) => key)
    t.strictSame(keys.slice(3), ['item.extended.v1', 'item.ended.v1', 'item.sold.v1'])
  },
)

t.test('an extension is published when its bid is overtaken, and not again after it', async (t) => {
  const fixture = await build(t)
  const { dependencies, database } = fixture
  const endDate = inMinutes(60)
  const lastEnd = new Date(Date.parse(endDate) + 300_000).toISOString()
  for (const isCounting of [true, false]) {
    const id = await createPublished(fixture, { endDate })
    const steps = [{ price: '100.00', extended: true }, { price: '110.00' }]
    const { events } = history({ itemId: id, endDate, steps, outcome: 'sold', isCounting })
    const [extending, overtaking] = events
    if (extending === undefined || overtaking === undefined) throw new Error('two bids')
    await consume(dependencies, [overtaking])
    await consume(dependencies, [extending, overtaking])
    const published = (await writtenEvents(database, id)).slice(3)
    t.strictSame(
      published.map(({ key, payload }) => [key, payload.endDate, payload.sequence]),
      [['item.extended.v1', lastEnd, 2]],
    )
    t.notOk('bidId' in (published[0]?.payload ?? {}), 'it is not known which bid extended')
  }
})

t.test('an end that the seller has moved is no extension', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture)
  // Bidding has accepted an edit of which this service does not know yet.
  const edited = { amount: '100.00', endDate: inMinutes(2_000), extensionCount: 0 }
  await consume(fixture.dependencies, [placed(id, 1, edited)])
  const keys = (await writtenEvents(fixture.database, id)).map(({ key }) => key)
  t.notOk(keys.includes('item.extended.v1'))
})

t.test('bid.reserve_met before the bid that met it loses nothing of that bid', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture, { reservePrice: '120' })
  const met = { itemId: id, currencyCode: 'USD', currentPrice: '120.00', buyNowAvailable: false }
  await consume(fixture.dependencies, [event(bidReserveMet, id, { ...met, sequence: 1 }, 1)])
  const show = async () => (await call(fixture, 'GET', `/api/v1/items/${id}`)).body
  t.match(await show(), { reserveMet: true, currentPrice: '120.00', bidCount: 0 })
  await consume(fixture.dependencies, [placed(id, 1, { amount: '120.00' })])
  t.match(await show(), { reserveMet: true, currentPrice: '120.00', bidCount: 1 })
})

t.test('bid.won', async (t) => {
  const fixture = await build(t)
  const { dependencies, identity, seller } = fixture
  const buyer = identity.person()
  const sell = async (id: string) => {
    const { events } = history({
      itemId: id,
      endDate: inMinutes(24 * 60),
      steps: [{ price: '140.00' }],
      outcome: 'sold',
      buyerId: buyer.id,
    })
    await consume(dependencies, events)
  }

  t.test('stores buyer and price, which seller and buyer can read', async (t) => {
    const id = await createPublished(fixture)
    await sell(id)
    for (const viewer of [seller, buyer]) {
      const { body } = await call(fixture, 'GET', `/api/v1/items/${id}`, { as: viewer })
      t.match(body, {
        status: 'sold',
        buyerID: buyer.id,
        endPrice: '140.00',
        outcome: 'sold',
        endReason: 'time',
      })
    }
    const { body } = await call(fixture, 'GET', `/api/v1/items/${id}`)
    t.match(body, { status: 'sold', endPrice: '140.00' })
    t.notOk('buyerID' in body, 'other users do not see the buyer')
  })

  t.test('of the original ends and sells by itself', async (t) => {
    const id = await createPublished(fixture)
    const win = { itemId: id, buyerId: buyer.id, finalAmount: '140.00' }
    await consume(dependencies, [event(bidWon, id, win)])
    const { body } = await call(fixture, 'GET', `/api/v1/items/${id}`, { as: seller })
    t.match(body, { status: 'sold', buyerID: buyer.id, endPrice: '140.00' })
  })

  t.test('by the seller, or by a second winner, is a dead letter', async (t) => {
    const id = await createPublished(fixture)
    const win = (buyerId: string) =>
      consume(dependencies, [
        event(bidWon, id, { itemId: id, buyerId, finalAmount: '140.00', round: 1, sequence: 2 }, 2),
      ])
    await t.rejects(win(seller.id), { name: 'PermanentError' })
    await sell(id)
    await t.rejects(win(randomUUID()), { name: 'PermanentError' })
  })
})
