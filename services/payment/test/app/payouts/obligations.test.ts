import { randomUUID } from 'node:crypto'
import { type Obligations, obligationsPath } from '@auction/common/contracts/obligations.ts'
import { sql } from 'kysely'
import t from 'tap'
import { planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { sendPayouts } from '#src/app/payouts/send-payouts.ts'
import { completeOrder, postCapture, postRefund } from '#src/app/sales/sale-ledger.ts'
import { createWorld, type World } from '#test/helper.ts'
import { captured } from '../payments/buyer.ts'
import { settled } from '../payments/refunds.ts'
import { dependenciesOf, fresh, letTimePass, onboard, payOut, RULES, sell } from './payee.ts'

async function dueTo({ app, identity }: World, userId: string) {
  const authorization = `Bearer ${identity.serviceToken('payment')}`
  const answer = await app.inject({ url: obligationsPath(userId), headers: { authorization } })
  return answer.json<Obligations>().obligations
}

t.test('a seller who is due money does not leave before it is paid out', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  t.same(await dueTo(world, seller.id), [])
  const sale = {
    paymentId: randomUUID(),
    orderId: randomUUID(),
    itemId: randomUUID(),
    sellerId: seller.id,
    buyerId: randomUUID(),
    provider: 'stripe',
    currencyCode: 'EUR',
    sellerGross: 5_000n,
    premium: 0n,
    categoryIds: [],
  }
  await world.db.transaction().execute((tx) => postCapture(tx, sale, undefined))
  t.same(await dueTo(world, seller.id), [{ kind: 'payable', count: 1 }], 'pending')
  await world.db.transaction().execute((tx) => completeOrder(tx, sale.orderId, new Date()))
  t.same(await dueTo(world, seller.id), [{ kind: 'payable', count: 1 }], 'payable')
  await planPayouts(world.db, RULES)
  t.same(await dueTo(world, seller.id), [{ kind: 'payable', count: 1 }], 'without an account')
  await onboard(world, seller)
  await letTimePass(world, 24 * 3_600_000)
  await planPayouts(world.db, RULES)
  t.same(await dueTo(world, seller.id), [{ kind: 'payable', count: 1 }], 'on its way')
  await sendPayouts(dependenciesOf(world))
  t.same(await dueTo(world, seller.id), [])
  t.same(await dueTo(world, sale.buyerId), [])
})

t.test('neither less than the least payout nor a debt holds an account', async (t) => {
  const world = await createWorld(t)
  const [small, owing] = [fresh(world), fresh(world)]
  await sell(world, small.id, 40n)
  await onboard(world, owing)
  const { paymentId, orderId } = await sell(world, owing.id, 5_000n)
  await payOut(world, { ...RULES, minimumOf: () => 50n })
  const refund = { paymentId, orderId, refundId: randomUUID(), amount: 5_000n }
  await world.db.transaction().execute((tx) => postRefund(tx, refund))
  await sql`update payout_candidates set due_at = clock_timestamp() where seller_id = ${owing.id}`.execute(
    world.db,
  )
  await planPayouts(world.db, { ...RULES, minimumOf: () => 50n })
  t.same(await dueTo(world, small.id), [])
  t.same(await dueTo(world, owing.id), [])
})

t.test('what was settled by hand holds no account', async (t) => {
  const world = await createWorld(t)
  const { order } = await captured(world, world.person())
  const { sellerId } = world.orders
  t.same(await dueTo(world, sellerId), [{ kind: 'payable', count: 1 }])
  await settled(world, order, 'refunded', 8)
  t.same(await dueTo(world, sellerId), [])
})

t.test('a user asks for none of another one', async (t) => {
  const world = await createWorld(t)
  const url = obligationsPath(randomUUID())
  const answer = await world.app.inject({ url, headers: world.person().headers })
  t.equal(answer.statusCode, 401)
})
