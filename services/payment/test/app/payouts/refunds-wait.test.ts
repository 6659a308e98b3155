import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { refundOrder } from '#src/app/payments/decide-refund.ts'
import { planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { reversePayouts } from '#src/app/payouts/reverse-payouts.ts'
import { recordOutcome, sendPayouts } from '#src/app/payouts/send-payouts.ts'
import { completeOrder } from '#src/app/sales/sale-ledger.ts'
import { payoutSent } from '#src/domain/payout.ts'
import { post } from '#src/infra/postgres/ledger/post.ts'
import { insertPayout } from '#src/infra/postgres/payouts/payouts.ts'
import { readWaitingRefunds } from '#src/infra/postgres/payouts/reversals.ts'
import { createWorld, type World } from '#test/helper.ts'
import { control } from '#test/infra/stripe/sandbox.ts'
import { captured, lookNow } from '../payments/buyer.ts'
import { balances, freshly, refund, seller as sellerOf } from '../payments/refunds.ts'
import {
  dependenciesOf,
  differences,
  HOUR_MS,
  letTimePass,
  movesOf,
  onboard,
  payoutsOfWorld,
  RULES,
  sell,
  transfersOf,
} from './payee.ts'

const MINUTE_MS = 60_000

/** Orders of 18.50 of one seller, completed, whose payout was sent and not answered. */
async function onItsWay(world: World, count: number) {
  await onboard(world, sellerOf(world))
  const sales = []
  for (let number = 0; number < count; number += 1) {
    const { order, payment } = await captured(world, world.person())
    await world.db.transaction().execute((tx) => completeOrder(tx, order.orderId, new Date()))
    sales.push({ orderId: order.orderId, paymentId: payment.id })
  }
  await control(world.sandbox, 'faults', {
    faults: [{ kind: 'lose_answer', on: '^POST /v1/transfers$', times: 3 }],
  })
  await planPayouts(world.db, RULES)
  await sendPayouts(dependenciesOf(world))
  return sales
}

const give = (world: World, sale: { orderId: string; paymentId: string }, amount: bigint) =>
  refundOrder(world.advance, {
    ...sale,
    amount,
    reason: 'broken',
    requestedBy: null,
    idempotencyKey: randomUUID(),
    isOfSeller: false,
  })

t.test(
  'refunds wait for a payout that is under way, and the seller gives back first',
  async (t) => {
    const world = await createWorld(t)
    const [one, other] = await onItsWay(world, 2)
    if (one === undefined || other === undefined) throw new Error('no sales')
    t.match(await payoutsOfWorld(world), [{ state: 'unknown', amount: 3_700n }])
    await give(world, one, 500n)
    await give(world, one, 300n)
    await give(world, other, 400n)
    await lookNow(world)
    t.same(movesOf(world), ['transfer.created'], 'all wait while it is not known')
    await letTimePass(world, MINUTE_MS)
    await sendPayouts(dependenciesOf(world))
    await lookNow(world)
    t.same(movesOf(world), ['transfer.created'], 'and until the money is back')
    t.equal(await reversePayouts(dependenciesOf(world)), 3, 'each for itself')
    await lookNow(world)
    await lookNow(world)
    t.same(movesOf(world), [
      'transfer.created',
      ...Array.from({ length: 3 }, () => 'transfer.reversed'),
      ...Array.from({ length: 3 }, () => 'refund.created'),
    ])
    t.match(transfersOf(world), [{ amount: 3_700, amount_reversed: 1_200 }])
    t.same(await balances(world), {})
    t.same(await differences(world), [])
  },
)

t.test('what was never paid out is not asked back, and the refund goes on', async (t) => {
  const world = await createWorld(t)
  const moderator = world.person({ roles: ['user', 'moderator'], auth_time: freshly() })
  await onboard(world, sellerOf(world))
  const { order, payment } = await captured(world, world.person())
  await world.db.transaction().execute((tx) => completeOrder(tx, order.orderId, new Date()))
  await planPayouts(world.db, RULES)
  await refund(world, moderator, payment.id, { orderId: order.orderId, amount: '5.00' })
  await lookNow(world)
  t.same(movesOf(world), [], 'it waits')
  await control(world.sandbox, 'settings', { refuseTransfers: true })
  await sendPayouts(dependenciesOf(world))
  t.match(await payoutsOfWorld(world), [{ state: 'failed' }])
  await lookNow(world)
  t.same(movesOf(world), ['refund.created'])
  t.equal(await reversePayouts(dependenciesOf(world)), 0)
  t.equal((await balances(world))[`seller:payable:${sellerOf(world).id}`], '-1350')
  t.same(await differences(world), [])
})

t.test('a buyer waits an hour at most for a payout that is not decided', async (t) => {
  const world = await createWorld(t)
  const [sale] = await onItsWay(world, 1)
  if (sale === undefined) throw new Error('no sale')
  await give(world, sale, 500n)
  await lookNow(world)
  t.same(movesOf(world), ['transfer.created'])
  await letTimePass(world, HOUR_MS)
  await lookNow(world)
  t.same(movesOf(world), ['transfer.created', 'refund.created'])
  await sendPayouts(dependenciesOf(world))
  t.equal(await reversePayouts(dependenciesOf(world)), 1, 'the seller gives it back all the same')
  t.match(transfersOf(world), [{ amount_reversed: 500 }])
  t.same(await balances(world), {})
})

t.test(
  'fifty refunds at once, while the payout ends, ask back exactly what they give',
  async (t) => {
    const world = await createWorld(t)
    const sales = await onItsWay(world, 10)
    await letTimePass(world, MINUTE_MS)
    const all = Array.from({ length: 50 }, (_, index) => sales[index % sales.length])
    const giving = all.map((sale) => (sale === undefined ? undefined : give(world, sale, 100n)))
    await Promise.all([...giving, sendPayouts(dependenciesOf(world))])
    t.match(await payoutsOfWorld(world), [{ state: 'done', reversed_amount: 5_000n }])
    await lookNow(world)
    t.notOk(movesOf(world).includes('refund.created'), 'all wait')
    t.equal(await reversePayouts(dependenciesOf(world)), 50)
    for (let round = 0; round < 5; round += 1) await lookNow(world)
    const moves = movesOf(world)
    t.equal(moves.lastIndexOf('transfer.reversed'), 50, 'every reversal comes first')
    t.equal(moves.filter((move) => move === 'refund.created').length, 50)
    t.same(await balances(world), {})
    t.same(await differences(world), [])
  },
)

t.test('a refund and the end of its payout at once: it waits in both orders', async (t) => {
  const world = await createWorld(t)
  const { db } = world
  const sellerId = sellerOf(world).id
  const { order, payment } = await captured(world, world.person())
  const sale = { orderId: order.orderId, paymentId: payment.id }
  await db.transaction().execute((tx) => completeOrder(tx, order.orderId, new Date()))
  const put = async (provider: string, amount: bigint) => {
    const payout = await db.transaction().execute(async (tx) => {
      const money = { sellerId, currencyCode: 'EUR', amount, provider, accountReference: 'acct_1' }
      const planned = await insertPayout(tx, money)
      await post(tx, payoutSent(planned))
      return planned
    })
    return () =>
      db
        .transaction()
        .execute((tx) => recordOutcome(tx, payout.id, { kind: 'done', reference: payout.id }))
  }
  // What a person paid by a bank cannot be asked back.
  await (await put('manual', 1_850n))()
  const first = { refund: 0, payout: 0 }
  for (let round = 0; round < 200; round += 1) {
    await sell(world, sellerId, 5n)
    const end = await put('stripe', 5n)
    const refunding = () => give(world, sale, 5n)
    const isRefundFirst = round % 2 === 0
    const early = isRefundFirst ? refunding() : end()
    // By turns, one of them is through before the other begins.
    if (round % 4 > 1) await early
    const late = isRefundFirst ? end() : refunding()
    const given = (await Promise.all(isRefundFirst ? [early, late] : [late, early]))[0]
    const id = given !== undefined && 'id' in given ? given.id : ''
    const { rows } = await sql<{ amount: bigint; isOneTransaction: boolean }>`
      select v.amount, v.xmin = r.xmin as "isOneTransaction"
      from payout_reversals v join refunds r on r.id = v.refund_id where r.id = ${id}`.execute(db)
    if (rows.length !== 1 || rows[0]?.amount !== 5n) t.fail(`round ${round}: ${rows.length} asked`)
    if (rows[0]?.isOneTransaction === true) first.payout += 1
    else first.refund += 1
    const waiting = await db
      .transaction()
      .execute((tx) => readWaitingRefunds(tx, payment.id, HOUR_MS))
    if (!waiting.has(id)) t.fail(`round ${round}: the refund does not wait`)
  }
  t.ok(
    first.refund > 0 && first.payout > 0,
    `${first.refund} refunds first, ${first.payout} second`,
  )
  const { rows } = await sql`select from payout_waits`.execute(db)
  t.same(rows, [])
})
