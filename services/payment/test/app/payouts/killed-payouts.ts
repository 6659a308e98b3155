import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import type { Test } from 'tap'
import type { AdvanceDependencies } from '#src/app/payments/advance.ts'
import { createWorld, type World } from '#test/helper.ts'
import { captured } from '../payments/buyer.ts'
import { type Life, liveUntil } from '../payments/killed-life.ts'
import { balances, seller as sellerOf } from '../payments/refunds.ts'
import { differences, onboard, transfersOf } from './payee.ts'

// Far above how many effects one payout and its reversal have.
const EFFECTS_MAX = 300

/** Cuts every connection, as the end of a process does: what was not committed is undone. */
export function cut(pool: Pool): void {
  const { _clients: clients } = pool as unknown as { _clients: PoolClient[] }
  for (const client of clients) {
    const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
    connection.stream.destroy()
  }
}

/** The leases of what has died are over. */
async function endLeases({ db }: World): Promise<void> {
  await sql`update payouts set due_at = clock_timestamp()`.execute(db)
  await sql`update payout_reversals set due_at = clock_timestamp()`.execute(db)
  await sql`update payout_candidates set due_at = clock_timestamp()`.execute(db)
  await sql`update payments set due_at = clock_timestamp() where due_at is not null`.execute(db)
}

type Work = (dependencies: AdvanceDependencies, life: Pick<Life, 'orderId'>) => Promise<void>

/** Lets the work of one order die after each of its effects and run again: it pays out 18.50 once, and takes 3.50 back. */
export async function dieAnywhere(
  t: Test,
  workOf: (paymentId: string) => Work,
  { isNewSeller }: { isNewSeller: boolean },
): Promise<void> {
  const world = await createWorld(t)
  let deaths = 0
  for (; deaths < EFFECTS_MAX; deaths += 1) {
    if (isNewSeller || deaths === 0) {
      world.orders.sellerId = randomUUID()
      await onboard(world, sellerOf(world))
    }
    const { order, payment } = await captured(world, world.person())
    const known = transfersOf(world).length
    const life: Life = {
      database: world.database.config,
      sandboxUrl: world.sandbox.url,
      orderUrl: world.orders.url,
      buyerId: order.buyerId,
      orderId: order.orderId,
      dieAfter: deaths + 1,
    }
    const work = workOf(payment.id)
    const isAlive = await liveUntil(life, cut, work)
    await endLeases(world)
    await work(world.advance, life)
    t.match(
      transfersOf(world).slice(known),
      [{ amount: 1_850, amount_reversed: 350 }],
      `died after effect ${life.dieAfter}`,
    )
    t.equal(transfersOf(world).length, known + 1)
    t.same(await balances(world), {})
    if (isAlive) break
  }
  t.same(await differences(world), [])
  t.ok(deaths > 40, `${deaths} deaths`)
  t.ok(deaths < EFFECTS_MAX, 'the last one lived to its end')
}
