import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { createWorld, type World } from '#test/helper.ts'
import { control } from '#test/infra/stripe/sandbox.ts'
import { captured, lookNow } from '../payments/buyer.ts'
import { freshly, refund, resolved, seller as sellerOf } from '../payments/refunds.ts'
import {
  differences,
  letTimePass,
  onboard,
  payOut,
  RULES,
  sell,
  transfersOf,
} from '../payouts/payee.ts'

const DAY_MS = 86_400_000

/** What only a session with the rights of the database's owner can do. */
async function byForce({ database }: World, statement: string) {
  const client = await database.pool.connect()
  try {
    await client.query(`set session_replication_role = replica`)
    const { rowCount } = await client.query(statement)
    return rowCount
  } finally {
    await client.query(`set session_replication_role = default`)
    client.release()
  }
}

/** Payouts of every kind, and refunds. */
async function trade(world: World): Promise<void> {
  const seller = sellerOf(world)
  const others = Array.from({ length: 3 }, () => world.person({ auth_time: freshly() }))
  for (const other of others) await onboard(world, other)
  const [returned, refused, planned] = others
  await sell(world, returned?.id ?? '', 5_000n)
  await payOut(world)
  await control(world.sandbox, `transfers/${transfersOf(world)[0]?.id}`, {})
  await control(world.sandbox, 'settings', { refuseTransfers: true })
  await sell(world, refused?.id ?? '', 4_000n)
  await payOut(world)
  await control(world.sandbox, 'settings', { refuseTransfers: false })
  await letTimePass(world, DAY_MS)
  await payOut(world)
  await sell(world, planned?.id ?? '', 3_000n)
  await planPayouts(world.db, RULES)
  const buyer = world.person()
  const { order, payment } = await captured(world, buyer)
  await refund(world, seller, payment.id, { orderId: order.orderId, amount: '1.00' })
  await resolved(world, { ...order, itemId: order.orderId }, '2.00', 3)
  await lookNow(world)
}

t.test('payouts and refunds of every kind agree with the ledger', async (t) => {
  const world = await createWorld(t)
  await trade(world)
  const states = await sql<{
    state: string
  }>`select distinct state from payouts order by state`.execute(world.db)
  t.same(
    states.rows.map(({ state }) => state),
    ['done', 'failed', 'planned', 'returned'],
  )
  t.same(await differences(world), [])
})

t.test('every change of a payout or a refund behind the back of the ledger is named', async (t) => {
  const cases: [title: string, statement: string, difference: RegExp][] = [
    [
      'a payout of another amount',
      `update payouts set amount = amount + 1 where state = 'done'`,
      /^payout \S+: is of 4001, but 4000 was posted$/m,
    ],
    [
      'a payout that was never posted',
      `insert into payouts (id, seller_id, currency_code, amount, provider, account_reference)
        values ('${randomUUID()}', '${randomUUID()}', 'EUR', 7, 'stripe', 'acct_1')`,
      /^payout \S+: is of 7, but nothing was posted$/m,
    ],
    [
      'one that is said to be paid',
      `update payouts set state = 'done' where state = 'planned'`,
      /^payout \S+: is done, but nothing posted as paid$/m,
    ],
    [
      'one that is said to be open',
      `update payouts set state = 'unknown' where state = 'done' and amount = 4000`,
      /^payouts: 12000 EUR are on their way, but 8000 in the ledger$/m,
    ],
    [
      'one that is gone',
      `delete from payouts where state = 'done'`,
      /^entry payout:\S+:done: there is no payout of it$/m,
    ],
    [
      'money that is said to have come back',
      `insert into payout_reversals (id, payout_id, amount, state, reference)
        select '${randomUUID()}', id, 5, 'done', 'trr_1' from payouts where state = 'done' limit 1`,
      /^payout \S+: 1 reversals differ from the ledger$/m,
    ],
    [
      'money that came back and is forgotten',
      `delete from payout_reversals`,
      /^entry reversal:\S+: there is no payout of it$/m,
    ],
    [
      'a refund that waits for a payout that is over',
      `insert into payout_waits (refund_id, payout_id, amount)
        select r.id, p.id, 1 from refunds r, payouts p where p.state = 'failed' limit 1`,
      /^payout \S+: is failed, but 1 refunds wait for it$/m,
    ],
    [
      'a refund of another amount',
      `update refunds set amount = amount + 1 where owed_id is null`,
      /^refund \S+: is done, but 100 of 101 is owed in the ledger$/m,
    ],
    [
      'a refund that is said to have failed',
      `update refunds set state = 'failed', code = 'x' where owed_id is null`,
      /^refund \S+: is failed, but 100 posted as given$/m,
    ],
    [
      'less owed than given',
      `update owed_refunds set amount = 199`,
      /^owed refund \S+: 200 was given of 199$/m,
    ],
    [
      'what is owed for another order',
      `update owed_refunds set order_id = '${randomUUID()}'`,
      /^owed refund \S+: 1 refunds of it are of another order$/m,
    ],
    [
      'what was given up without asking',
      `update owed_refunds set state = 'given_up'`,
      /^owed refund \S+: was given up, and no operator was asked$/m,
    ],
  ]
  for (const [title, statement, difference] of cases) {
    const world = await createWorld(t)
    await trade(world)
    t.ok(await byForce(world, statement), title)
    t.match((await differences(world)).join('\n'), difference, title)
  }
})
