import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import t, { type Test } from 'tap'
import { beginDeposit } from '#src/app/deposits/begin-deposit.ts'
import { advanceDueDeposits, releaseDueDeposits } from '#src/app/deposits/deposit-timers.ts'
import { createPace } from '#src/app/deposits/pace.ts'
import { sealEntries } from '#src/app/ledger/seal-entries.ts'
import type { AdvanceDependencies } from '#src/app/payments/advance.ts'
import { verifyMoney } from '#src/app/verify/verify-money.ts'
import {
  decideByOrder,
  readDeposit,
  returnTaken,
  wakeDeposit,
} from '#src/infra/postgres/deposits/deposits.ts'
import { type Life, liveUntil } from '#test/app/payments/killed-life.ts'
import { createWorld, type World } from '#test/helper.ts'
import { payOnPage } from '#test/infra/stripe/sandbox.ts'
import { givenBack, holdOf } from './bidder.ts'
import { holdMany } from './many-held.ts'

// Far above how many effects one deposit has.
const EFFECTS_MAX = 300
const RETURNS_MAX = 120
const ROUNDS = 8

/** Is held, and then decided; with the same keys each time, so that it may be run again. The order is the item's here. */
const liveOf =
  ({ bids }: World, itemId: string, reason: 'unpaid' | 'paid') =>
  async (dependencies: AdvanceDependencies, { buyerId, orderId }: Life): Promise<string> => {
    const { db } = dependencies
    const { id } = await beginDeposit(
      { ...dependencies, lots: bids.client, sessionMinutes: 60, sellerPercent: 80 },
      {
        bidderId: buyerId,
        itemId,
        provider: undefined,
        returnUrl: 'http://localhost:9191/lots/1',
        idempotencyKey: orderId,
        trace: {
          traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`,
          traceId: '',
          correlationId: 'killed',
        },
      },
    )
    for (let round = 0; round < ROUNDS; round += 1) {
      await wakeDeposit(db, id)
      await advanceDueDeposits(dependencies)
      await releaseDueDeposits(dependencies, createPace(1))
      const deposit = await readDeposit(db, id)
      if (deposit?.state === 'captured' || deposit?.state === 'released') break
      if (deposit?.state === 'requested' && deposit.nextUrl !== null)
        await payOnPage(deposit.nextUrl)
      if (deposit?.state !== 'held' || deposit.wish !== null) continue
      await db
        .transaction()
        .execute((tx) => decideByOrder(tx, { itemId, buyerId, orderId, reason }))
    }
    return id
  }

/** Cuts every connection, as the end of a process does: what was not committed is undone. */
function cut(pool: Pool): void {
  const { _clients: clients } = pool as unknown as { _clients: PoolClient[] }
  for (const client of clients) {
    const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
    connection.stream.destroy()
  }
}

async function countsOf({ db }: World, id: string): Promise<Record<string, string>> {
  const { rows } = await sql<Record<string, unknown>>`
    select
      (select count(*) from ledger_entries where key = ${`deposit:${id}`}) as entries,
      (select string_agg(one #>> '{envelope,event}', ' ' order by seq)
        from outbox, json_array_elements(events) as one
        where one #>> '{envelope,payload,depositId}' = ${id}) as events,
      (select count(*) from deposit_operations where deposit_id = ${id} and state <> 'done') as unfinished`.execute(
    db,
  )
  return Object.fromEntries(
    Object.entries(rows[0] ?? {}).map(([name, count]) => [name, `${count}`]),
  )
}

async function dieEverywhere(t: Test, reason: 'unpaid' | 'paid'): Promise<void> {
  const world = await createWorld(t)
  let deaths = 0
  for (; deaths < EFFECTS_MAX; deaths += 1) {
    const lot = world.bids.add()
    const life: Life = {
      database: world.database.config,
      sandboxUrl: world.sandbox.url,
      orderUrl: world.orders.url,
      buyerId: world.person().id,
      orderId: lot.itemId,
      dieAfter: deaths + 1,
    }
    const work = liveOf(world, lot.itemId, reason)
    const isAlive = await liveUntil(life, cut, work)
    await sql`update deposits set due_at = clock_timestamp() where due_at is not null`.execute(
      world.db,
    )
    const id = await work(world.advance, life)
    const isTaken = reason === 'unpaid'
    t.same(
      await countsOf(world, id),
      {
        entries: isTaken ? '1' : '0',
        events: `payment.deposit_held payment.deposit_${isTaken ? 'captured' : 'released'}`,
        unfinished: '0',
      },
      `died after effect ${life.dieAfter}`,
    )
    t.same(holdOf(world, id), [
      isTaken ? { status: 'succeeded', taken: 5_000 } : { status: 'canceled', taken: 0 },
    ])
    if (isAlive) break
  }
  t.ok(deaths > 20, `${deaths} deaths`)
  t.ok(deaths < EFFECTS_MAX, 'the last one lived to its end')
  const found: string[] = []
  // As the worker does each second: an entry without a seal is a difference after a minute.
  await sealEntries(world.db)
  await verifyMoney(world.db, { report: (difference) => found.push(difference) })
  t.strictSame(found, [])
}

t.test('what dies after any statement or answer takes a deposit once', (t) =>
  dieEverywhere(t, 'unpaid'),
)

t.test('what dies while it gives back a deposit gives it back once', async (t) => {
  const world = await createWorld(t)
  const lot = world.bids.add()
  const ids = await holdMany(world, lot, RETURNS_MAX)
  await sql`
    update deposits set wish = 'capture', wish_reason = 'unpaid', wished_at = clock_timestamp(),
      order_id = gen_random_uuid(), due_at = clock_timestamp()`.execute(world.db)
  await advanceDueDeposits(world.advance)
  let deaths = 0
  for (const id of ids) {
    const deposit = await readDeposit(world.db, id)
    t.equal(deposit?.state, 'captured')
    const { bidderId: buyerId = '', orderId } = deposit ?? {}
    const order = { itemId: lot.itemId, buyerId, orderId: orderId ?? '' }
    const work = async ({ db, ...dependencies }: AdvanceDependencies) => {
      await db.transaction().execute((tx) => returnTaken(tx, order))
      for (let round = 0; round < ROUNDS; round += 1) {
        if ((await readDeposit(db, id))?.state === 'returned') break
        await wakeDeposit(db, id)
        await advanceDueDeposits({ db, ...dependencies })
      }
    }
    const life: Life = {
      database: world.database.config,
      sandboxUrl: world.sandbox.url,
      orderUrl: world.orders.url,
      ...order,
      dieAfter: deaths + 1,
    }
    const isAlive = await liveUntil(life, cut, work)
    await work(world.advance)
    t.match(
      await countsOf(world, id),
      { events: 'payment.deposit_captured payment.deposit_released', unfinished: '0' },
      `died after effect ${life.dieAfter}`,
    )
    t.same(givenBack(world, id), [5_000])
    if (isAlive) break
    deaths += 1
  }
  t.ok(deaths > 15, `${deaths} deaths`)
  t.ok(deaths < RETURNS_MAX, 'the last one lived to its end')
  const found: string[] = []
  // As the worker does each second: an entry without a seal is a difference after a minute.
  await sealEntries(world.db)
  await verifyMoney(world.db, { report: (difference) => found.push(difference) })
  t.strictSame(found, [])
})

t.test('and releases one once', (t) => dieEverywhere(t, 'paid'))
