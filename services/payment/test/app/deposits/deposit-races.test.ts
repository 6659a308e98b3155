import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { settleDueLots } from '#src/app/deposits/settle-lots.ts'
import { sealEntries } from '#src/app/ledger/seal-entries.ts'
import { verifyMoney } from '#src/app/verify/verify-money.ts'
import { events } from '#test/app/payments/buyer.ts'
import { balances } from '#test/app/payments/refunds.ts'
import { createWorld, log, type World } from '#test/helper.ts'
import { payOnPage } from '#test/infra/stripe/sandbox.ts'
import {
  ask,
  cancelledEvent,
  closedEvent,
  type DepositBody,
  givenBack,
  held,
  holdOf,
  lookNow,
  orderOf,
  paidEvent,
  publish,
  RELEASES_PER_SECOND,
  readOwn,
  until,
  untilDecided,
} from './bidder.ts'

const TIMES = 200
/** So many deposits are raced for at the same time. */
const AT_ONCE = 5

async function race(play: (index: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < TIMES; first += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => play(first + index)))
  }
}

/** One quarter runs one after the other, one quarter the other way round, and half of them at once. */
async function bothFirst(
  index: number,
  left: () => Promise<unknown>,
  right: () => Promise<unknown>,
): Promise<void> {
  const [first, second] = index % 2 === 0 ? [left, right] : [right, left]
  if (index % 4 < 2) {
    await first()
    await second()
  } else await Promise.all([first(), second()])
}

/** Every taken deposit is in the ledger once, and nothing else; no event came twice. */
async function expectWhole(t: Test, world: World, taken: number): Promise<void> {
  const found: string[] = []
  // As the worker does each second: an entry without a seal is a difference after a minute.
  await sealEntries(world.db)
  const { deposits } = await verifyMoney(world.db, {
    report: (difference) => found.push(difference),
  })
  t.strictSame(found, [])
  t.equal(deposits, BigInt(TIMES))
  const entries = await world.db.selectFrom('ledger_entries').select('key').execute()
  t.equal(entries.length, taken)
  const published = (await events(world)).map(
    ({ event, payload }) => `${event} ${payload.depositId}`,
  )
  t.equal(new Set(published).size, published.length, 'no event came twice')
}

t.test('a lot that closes while a hold is made lets go of it', async (t) => {
  const world = await createWorld(t)
  await race(async (index) => {
    const lot = world.bids.add()
    const ann = world.person()
    const deposit: DepositBody = (await ask(world, ann, lot.itemId)).json()
    await payOnPage(deposit.next.url ?? '')
    await bothFirst(
      index,
      () => lookNow(world, deposit.id),
      () => {
        lot.phase = 'closed'
        return publish(world, closedEvent(lot))
      },
    )
    await settleDueLots({
      db: world.db,
      lots: world.bids.client,
      log,
      releasesPerSecond: RELEASES_PER_SECOND,
    })
    t.match(await until(world, ann, deposit.id, 'released'), { code: 'deposit.lost' })
    t.same(holdOf(world, deposit.id), [{ status: 'canceled', taken: 0 }])
  })
  await expectWhole(t, world, 0)
})

t.test(
  'of a payment and the end of its order at once the bidder keeps the deposit, once',
  async (t) => {
    const world = await createWorld(t)
    let taken = 0
    await race(async (index) => {
      const lot = world.bids.add()
      const ann = world.person()
      const { id } = await held(world, ann, lot.itemId)
      const order = orderOf(lot, ann.id)
      await bothFirst(
        index,
        () => publish(world, paidEvent(order)),
        async () => {
          await publish(world, cancelledEvent(order), closedEvent(lot, ann.id))
          // What the provider was not asked for yet is let go of when the order is paid.
          await untilDecided(world, ann, id)
        },
      )
      const { wish } = await world.db
        .selectFrom('deposits')
        .select('wish')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      const isTaken = wish === 'capture'
      if (isTaken) taken += 1
      await until(world, ann, id, isTaken ? 'returned' : 'released')
      t.same(holdOf(world, id), [
        isTaken ? { status: 'succeeded', taken: 5_000 } : { status: 'canceled', taken: 0 },
      ])
      t.same(givenBack(world, id), isTaken ? [5_000] : [])
    })
    t.ok(taken >= TIMES / 4 && taken <= (TIMES * 3) / 4, `${taken} of ${TIMES} were taken`)
    // Taken, owed to the bidder, and given back.
    await expectWhole(t, world, 3 * taken)
    t.same(await balances(world), {})
  },
)

t.test('a hold that ends as its lot closes or as it is taken is one or the other', async (t) => {
  const world = await createWorld(t)
  let taken = 0
  await race(async (index) => {
    const lot = world.bids.add()
    const ann = world.person()
    const { id } = await held(world, ann, lot.itemId)
    await publish(world, closedEvent(lot, ann.id))
    const expire = async () => {
      await sql`update deposits set hold_ends_at = clock_timestamp() where id = ${id}`.execute(
        world.db,
      )
      for (const intent of world.sandbox.provider.store.all<{
        status: string
        metadata: { attemptId?: string }
      }>('intents')) {
        const isHeld = intent.metadata.attemptId === id && intent.status === 'requires_capture'
        if (isHeld) intent.status = 'canceled'
      }
    }
    await bothFirst(index, expire, async () => {
      await publish(world, cancelledEvent(orderOf(lot, ann.id)))
      await untilDecided(world, ann, id)
    })
    const [hold] = holdOf(world, id)
    const isTaken = hold?.status === 'succeeded'
    if (isTaken) taken += 1
    await until(world, ann, id, isTaken ? 'captured' : 'expired')
    t.equal(hold?.taken, isTaken ? 5_000 : 0)
    t.match(await readOwn(world, ann, id), { isEnding: false })
  })
  t.ok(taken > 0 && taken < TIMES, `${taken} of ${TIMES} were taken`)
  await expectWhole(t, world, taken)
})

t.test('two holds of one bidder at once leave one, whichever came first', async (t) => {
  const world = await createWorld(t)
  await race(async (index) => {
    const lot = world.bids.add()
    const ann = world.person()
    const first = await held(world, ann, lot.itemId)
    await sql`update deposits set hold_ends_at = clock_timestamp() + interval '1 hour'
      where id = ${first.id}`.execute(world.db)
    const second: DepositBody = (await ask(world, ann, lot.itemId)).json()
    await payOnPage(second.next.url ?? '')
    const winner = index % 3 === 0 ? ann.id : undefined
    await bothFirst(
      index,
      () => lookNow(world, second.id),
      () => publish(world, closedEvent(lot, winner)),
    )
    await until(world, ann, first.id, 'released')
    await until(world, ann, second.id, winner === undefined ? 'released' : 'held')
  })
  const { rows } = await sql<{ live: string }>`
    select count(*) as live from deposits where state = 'held' group by item_id, bidder_id`.execute(
    world.db,
  )
  t.ok(
    rows.every(({ live }) => Number(live) === 1),
    'no bidder has two',
  )
})
