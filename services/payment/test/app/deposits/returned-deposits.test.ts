import { randomUUID } from 'node:crypto'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { type Kysely, sql } from 'kysely'
import t from 'tap'
import { releaseDueDeposits } from '#src/app/deposits/deposit-timers.ts'
import { createPace } from '#src/app/deposits/pace.ts'
import { compareDeposit, compareTakenDeposits } from '#src/app/deposits/reconcile-deposits.ts'
import { watchDeposits } from '#src/app/deposits/watch-deposits.ts'
import { ProviderError } from '#src/domain/provider.ts'
import { planDepositOperation } from '#src/infra/postgres/deposits/deposit-operations.ts'
import { NIL, wakeDeposit, wakeReturns } from '#src/infra/postgres/deposits/deposits.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createWorld, type World } from '#test/helper.ts'
import { control, HOUR_MS } from '#test/infra/stripe/sandbox.ts'
import {
  ask,
  type Bought,
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
  readOwn,
  taken,
  until,
} from './bidder.ts'

/** The sale of an order whose payment was captured, whatever was consumed of it. */
const sell = ({ db }: World, { orderId, itemId, sellerId, buyerId }: Bought) =>
  sql`
    insert into sales (payment_id, order_id, item_id, seller_id, buyer_id, provider, currency_code, seller_gross, premium,
      commission_basis_points, commission, commission_tax, commission_tax_basis_points, commission_tax_reason, premium_tax,
      premium_tax_basis_points, premium_tax_reason)
    values (${randomUUID()}, ${orderId}, ${itemId}, ${sellerId}, ${buyerId}, 'stripe', 'EUR', 10000, 0,
      0, 0, 0, 0, 'not_registered', 0, 0, 'not_registered')`.execute(db)

async function rowOf({ db }: World, id: string) {
  const { rows } = await sql<{ dueAt: Date | null; isWished: boolean; last: string | null }>`
    select due_at as "dueAt", return_wished_at is not null as "isWished",
      (select kind || ' ' || state || ' ' || tries || coalesce(' ' || code, '') from deposit_operations
        where deposit_id = deposits.id order by created_at desc limit 1) as last
    from deposits where id = ${id}`.execute(db)
  return rows[0]
}

async function gauge({ db }: World, name: string): Promise<number> {
  const registry = createRegistry('payment')
  watchDeposits(db, registry)
  const read = await registry.getSingleMetric(name)?.get()
  return read?.values[0]?.value ?? Number.NaN
}

const booksOf = (world: World, db: Kysely<Database> = world.db) => {
  const provider = world.providers.get('stripe')
  if (provider === undefined) throw new Error('there is no provider')
  const found: { kind: string; theirs: string }[] = []
  const record = async ({ kind, theirs }: { kind: string; theirs: string }) => {
    found.push({ kind, theirs })
  }
  return { db, provider, record, found }
}

t.test('a return that a process of the old version put to sleep goes on', async (t) => {
  const world = await createWorld(t)
  const { id, ann, order } = await taken(world)
  await publish(world, paidEvent(order))
  // It saw nothing to do for a deposit that was taken.
  await sql`update deposits set due_at = null`.execute(world.db)
  await lookNow(world)
  t.match(await readOwn(world, ann, id), { state: 'captured', isEnding: true })
  t.equal(await wakeReturns(world.db, NIL, 10), NIL)
  await until(world, ann, id, 'returned')
  t.same(givenBack(world, id), [5_000])
})

t.test(
  'a payment that a process of the old version consumed gives back what was taken',
  async (t) => {
    const world = await createWorld(t)
    const [first, other, last] = [await taken(world), await taken(world), await taken(world)]
    for (const one of [first, last]) await sell(world, one.order)
    // Of another buyer, and another order of the same one.
    await sell(world, { ...other.order, buyerId: randomUUID() })
    await sell(world, { ...other.order, orderId: randomUUID() })
    const ids = [first, other, last].map(({ id }) => id).sort()
    let after = NIL
    for (const id of ids) {
      after = await wakeReturns(world.db, after, 1)
      t.equal(after, id, 'a page at a time')
    }
    t.equal(await wakeReturns(world.db, after, 1), NIL, 'and from the beginning then')
    for (const { ann, id } of [first, last]) {
      await until(world, ann, id, 'returned')
      t.same(givenBack(world, id), [5_000])
    }
    t.match(await rowOf(world, other.id), { isWished: false, dueAt: null })
  },
)

t.test('the indexes of what was taken serve those who read it', async (t) => {
  const world = await createWorld(t)
  await taken(world)
  await world.db.transaction().execute(async (tx) => {
    // A table of one row is read without an index otherwise.
    await sql`set local enable_seqscan = off`.execute(tx)
    const at = (ms: number) => new Date(Date.now() + ms)
    t.equal(await compareTakenDeposits(booksOf(world, tx), at(-HOUR_MS), at(HOUR_MS)), 1)
    await wakeReturns(tx, NIL, 10)
    const { rows } = await sql<{ name: string; scans: number }>`
      select relname as name, pg_stat_get_xact_numscans(oid)::integer as scans from pg_class
      where relname in ('deposits_taken', 'deposits_returning', 'deposits_kept', 'deposits_captured')
      order by relname`.execute(tx)
    t.match(rows, [
      { name: 'deposits_kept' },
      { name: 'deposits_returning' },
      { name: 'deposits_taken' },
    ])
    for (const { name, scans } of rows) t.ok(scans > 0, name)
  })
})

t.test('a refund of a deposit that fails after it was done is left to an operator', async (t) => {
  const world = await createWorld(t)
  const { id, ann, order } = await taken(world)
  await publish(world, paidEvent(order))
  await until(world, ann, id, 'returned')
  await wakeDeposit(world.db, id)
  await lookNow(world)
  const differences = () =>
    world.db.selectFrom('payment_differences').select(['kind', 'ours', 'theirs']).execute()
  t.same(await differences(), [])
  for (const refund of world.sandbox.provider.store.all<{ status: string }>('refunds')) {
    refund.status = 'failed'
  }
  for (let times = 0; times < 2; times += 1) {
    await wakeDeposit(world.db, id)
    await lookNow(world)
  }
  t.same(await differences(), [
    { kind: 'refunded_amount', ours: `deposit ${id} given back`, theirs: 'failed' },
  ])
  t.match(await rowOf(world, id), { dueAt: null })
})

t.test('a return that the provider has accepted is not overdue', async (t) => {
  const world = await createWorld(t)
  const { id, order } = await taken(world)
  await publish(world, paidEvent(order))
  await sql`update deposits set return_wished_at = clock_timestamp() - interval '1 hour'`.execute(
    world.db,
  )
  const overdue = () => gauge(world, 'payment_deposits_overdue_seconds')
  t.ok((await overdue()) >= 3_600)
  await world.db.transaction().execute((tx) => planDepositOperation(tx, id, 'refund'))
  t.ok((await overdue()) >= 3_600, 'it is only planned')
  await sql`update deposit_operations set state = 'done' where kind = 'refund'`.execute(world.db)
  t.equal(await overdue(), 0)
})

t.test('what was accepted, not done or given up is not asked after', async (t) => {
  const world = await createWorld(t)
  const release = () => releaseDueDeposits(world.advance, createPace(1))
  const lot = world.bids.add()
  const page: DepositBody = (await ask(world, world.person(), lot.itemId)).json()
  const fail = (...faults: object[]) => control(world.sandbox, 'faults', { faults })
  // It is down after it has closed the page.
  const { provider } = booksOf(world)
  const look = () => Promise.reject(new ProviderError('unclear', 'no_answer', 'no answer'))
  world.providers.set('stripe', { ...provider, look })
  await publish(world, closedEvent(lot))
  await release()
  t.match(
    await rowOf(world, page.id),
    { last: 'cancel done 1' },
    'the page is closed, and no look was had',
  )
  world.providers.set('stripe', provider)

  const other = world.bids.add()
  const { id } = await held(world, world.person(), other.itemId)
  await publish(world, closedEvent(other))
  await fail({ kind: 'rate_limited', on: '^POST /v1/payment_intents/.*/cancel$' })
  await release()
  t.match(await rowOf(world, id), { last: 'cancel planned 0' }, 'the provider did not do it')
  t.equal(await gauge(world, 'payment_deposits_unknown_age_seconds'), 0)

  await sql`update deposit_operations set state = 'sending', tries = 1, sent_at = clock_timestamp() - interval '1 hour'
    where deposit_id = ${id} and kind = 'cancel'`.execute(world.db)
  t.ok((await gauge(world, 'payment_deposits_unknown_age_seconds')) >= 3_600)
  // Another one took it meanwhile.
  for (const intent of world.sandbox.provider.store.all<{
    status: string
    amount_received: number
  }>('intents')) {
    Object.assign(intent, { status: 'succeeded', amount_received: 5_000 })
  }
  await fail()
  await sql`update deposits set due_at = clock_timestamp() where id = ${id}`.execute(world.db)
  await release()
  const { state } = await world.db
    .selectFrom('deposits')
    .select('state')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  t.equal(state, 'mismatch')
  t.match(await rowOf(world, id), { last: 'cancel failed 1 mismatch' })
  t.equal(await gauge(world, 'payment_deposits_unknown_age_seconds'), 0)
})

t.test('what was to be taken is let go of when the order is paid before', async (t) => {
  const world = await createWorld(t)
  const [lot, ann] = [world.bids.add(), world.person()]
  const order = orderOf(lot, ann.id)
  const { id } = await held(world, ann, lot.itemId)
  await publish(world, cancelledEvent(order))
  await publish(world, paidEvent(orderOf(lot, ann.id)))
  const { wish } = await world.db.selectFrom('deposits').select('wish').executeTakeFirstOrThrow()
  t.equal(wish, 'capture', 'another order was paid')
  await publish(world, paidEvent(order))
  t.match(await until(world, ann, id, 'released'), { code: 'deposit.paid' })
  t.same(holdOf(world, id), [{ status: 'canceled', taken: 0 }])
  await publish(world, paidEvent(order), cancelledEvent(order))
  t.match(await rowOf(world, id), { isWished: false })

  // Planned: the provider may have been asked.
  const [next, ben] = [world.bids.add(), world.person()]
  const second = orderOf(next, ben.id)
  const asked = await held(world, ben, next.itemId)
  await publish(world, cancelledEvent(second))
  await world.db.transaction().execute((tx) => planDepositOperation(tx, asked.id, 'capture'))
  await publish(world, paidEvent(second))
  await until(world, ben, asked.id, 'returned')
  t.same(givenBack(world, asked.id), [5_000])
})

t.test('what the provider does not give back is neither ending nor looked at', async (t) => {
  const world = await createWorld(t)
  const { id, ann, order } = await taken(world)
  const [intent] = world.sandbox.provider.store.all<{ id: string }>('intents')
  world.sandbox.provider.refund({ payment_intent: intent?.id ?? '', amount: '5000' })
  await publish(world, paidEvent(order))
  await lookNow(world, id)
  t.match(await readOwn(world, ann, id), {
    state: 'captured',
    code: 'deposit.return_failed',
    isEnding: false,
  })
  const books = booksOf(world)
  await compareDeposit(books, id, undefined)
  await wakeReturns(world.db, NIL, 10)
  t.match(await rowOf(world, id), { dueAt: null })
  t.same(books.found, [], 'an operator has it already')
})
