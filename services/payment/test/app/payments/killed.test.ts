import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import t, { type Test } from 'tap'
import { createWorld, type World } from '#test/helper.ts'
import { type Life, live, liveUntil } from './killed-life.ts'

const CHILD = fileURLToPath(new URL('killed-child.ts', import.meta.url))
// Far above how many effects one payment and its refund have.
const EFFECTS_MAX = 400

function lifeOf(world: World, dieAfter: number): Life {
  const buyer = world.person()
  return {
    database: world.database.config,
    sandboxUrl: world.sandbox.url,
    orderUrl: world.orders.url,
    buyerId: buyer.id,
    orderId: world.orders.add(buyer.id, {}).orderId,
    dieAfter,
  }
}

/** True: it lived to its end. Throws when it ended otherwise. */
async function runChild(life: Life): Promise<boolean> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(life)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return new Promise((resolve, reject) =>
    child.once('exit', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve(signal === null)
      else reject(new Error(`it ended with ${signal ?? code}`))
    }),
  )
}

/** Cuts every connection, as the end of a process does: what was not committed is undone. */
function cut(clients: ReadonlySet<PoolClient>): void {
  for (const client of clients) {
    const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
    connection.stream.destroy()
  }
}

async function dieHere(life: Life): Promise<boolean> {
  return liveUntil(life, (pool: Pool) => {
    const { _clients: clients } = pool as unknown as { _clients: PoolClient[] }
    cut(new Set(clients))
  })
}

/** What one order has in our books. */
async function booksOf({ db }: World, orderId: string): Promise<Record<string, string>> {
  const { rows } = await sql<Record<string, unknown>>`
    select
      (select count(*) from ledger_entries where order_id = ${orderId} and kind = 'capture') as captures,
      (select count(*) from ledger_entries where order_id = ${orderId} and kind = 'refund_paid') as refunds,
      (select count(*) from outbox, json_array_elements(events) as one
        where one #>> '{envelope,event}' = 'payment.succeeded'
          and one #>> '{envelope,payload,orderId}' = ${orderId}) as succeeded,
      (select count(*) from outbox, json_array_elements(events) as one
        where one #>> '{envelope,event}' = 'payment.refunded'
          and one #>> '{envelope,payload,orderId}' = ${orderId}) as refunded,
      (select count(*) from payment_operations o join payment_orders using (payment_id)
        where order_id = ${orderId} and o.state <> 'done') as unfinished`.execute(db)
  return Object.fromEntries(
    Object.entries(rows[0] ?? {}).map(([name, count]) => [name, `${count}`]),
  )
}

/** Another process goes on when the lease of the first is over: there is one charge and one refund. */
async function goOn(t: Test, world: World, life: Life): Promise<void> {
  await sql`update payments set due_at = clock_timestamp() where due_at is not null`.execute(
    world.db,
  )
  const id = await live(world.advance, life)
  t.same(
    await booksOf(world, life.orderId),
    { captures: '1', refunds: '1', succeeded: '1', refunded: '1', unfinished: '0' },
    `died after effect ${life.dieAfter}`,
  )
  const { store } = world.sandbox.provider
  const intents = store
    .all<{ id: string; amount_received: number; metadata: { paymentId: string } }>('intents')
    .filter(({ metadata }) => metadata.paymentId === id)
  t.same(
    intents.map((one) => one.amount_received),
    [1850],
  )
  const refunds = store
    .all<{ amount: number; payment_intent: string }>('refunds')
    .filter((refund) => refund.payment_intent === intents[0]?.id)
  t.same(
    refunds.map(({ amount }) => amount),
    [350],
  )
}

t.test('what dies after any statement or answer leaves one charge and one refund', async (t) => {
  const world = await createWorld(t)
  let deaths = 0
  for (; deaths < EFFECTS_MAX; deaths += 1) {
    const life = lifeOf(world, deaths + 1)
    const isAlive = await dieHere(life)
    await goOn(t, world, life)
    if (isAlive) break
  }
  t.ok(deaths > 40, `${deaths} deaths`)
  t.ok(deaths < EFFECTS_MAX, 'the last one lived to its end')
})

t.test('so does a process that is killed', async (t) => {
  const world = await createWorld(t)
  let deaths = 0
  for (let dieAfter = 5; dieAfter < EFFECTS_MAX; dieAfter += 16) {
    const life = lifeOf(world, dieAfter)
    const isAlive = await runChild(life)
    await goOn(t, world, life)
    if (isAlive) break
    deaths += 1
  }
  t.ok(deaths >= 3, `${deaths} processes were killed`)
})
