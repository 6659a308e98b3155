import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import t from 'tap'
import { collectDebt } from '#src/app/payouts/collect-debt.ts'
import { planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { reconcileTransfers } from '#src/app/payouts/reconcile-transfers.ts'
import { checkPaid, reversePayouts } from '#src/app/payouts/reverse-payouts.ts'
import { sendPayouts } from '#src/app/payouts/send-payouts.ts'
import { completeOrder, postRefund } from '#src/app/sales/sale-ledger.ts'
import { createWorld } from '#test/helper.ts'
import { control } from '#test/infra/stripe/sandbox.ts'
import { captured, lookNow, read } from '../payments/buyer.ts'
import { balances, freshly, refund, seller as sellerOf } from '../payments/refunds.ts'
import {
  dependenciesOf,
  differences,
  fresh,
  HOUR_MS,
  letTimePass,
  movesOf,
  onboard,
  openDifferences,
  paidOut,
  payOut,
  payoutsOfWorld,
  putPaid,
  RULES,
  report,
  sell,
  transferOf,
  transfersOf,
} from './payee.ts'

t.test(
  'money that comes back by itself is the seller’s again, by a report or a day later',
  async (t) => {
    for (const isReported of [true, false]) {
      const world = await createWorld(t)
      const seller = fresh(world)
      await onboard(world, seller)
      await sell(world, seller.id, 5_000n)
      await payOut(world)
      const [transfer] = transfersOf(world)
      await control(world.sandbox, `transfers/${transfer?.id}`, {})
      t.equal(await checkPaid(dependenciesOf(world)), 0, 'it is not due')
      if (isReported) {
        const object = { id: transfer?.id, metadata: transfer?.metadata }
        await report(world, { type: 'transfer.reversed', data: { object } })
      } else await letTimePass(world, 24 * HOUR_MS)
      t.equal(await checkPaid(dependenciesOf(world)), 1)
      t.match(await payoutsOfWorld(world), [{ state: 'returned', reversed_amount: 5_000n }])
      t.equal((await balances(world))[`seller:payable:${seller.id}`], '-5000')
      t.same(await differences(world), [])
      await letTimePass(world, 24 * HOUR_MS)
      await payOut(world)
      t.match(await payoutsOfWorld(world), [{ state: 'returned' }, { state: 'done' }])
      t.equal(await checkPaid(dependenciesOf(world)), 0)
      t.same(await balances(world), {})
    }
  },
)

t.test('a refund after the payout first takes the money back from the seller', async (t) => {
  const world = await createWorld(t)
  const { seller, buyer, order, payment, moderator } = await paidOut(world)
  const own = await refund(world, seller, payment.id, { orderId: order.orderId, amount: '5.00' })
  t.equal(own.json().code, 'payment.refund_not_covered', 'a seller makes no debt')
  const given = await refund(world, moderator, payment.id, {
    orderId: order.orderId,
    amount: '5.00',
  })
  t.equal(given.statusCode, 201)
  await lookNow(world)
  t.same(movesOf(world), ['transfer.created'], 'the refund waits')
  t.equal(await reversePayouts(dependenciesOf(world)), 1)
  await lookNow(world)
  t.same(movesOf(world), ['transfer.created', 'transfer.reversed', 'refund.created'])
  t.match(transfersOf(world), [{ amount_reversed: 500 }])
  t.match(await payoutsOfWorld(world), [{ state: 'done', reversed_amount: 500n }])
  t.match(await read(world, buyer, payment.id), { refundedAmount: '5.00' })
  t.same(await balances(world), {}, 'the seller owes nothing, and is owed nothing')
  t.same(await differences(world), [])
})

t.test('what a seller has spent stays a debt, and the buyer gets the refund', async (t) => {
  const world = await createWorld(t)
  const { seller, order, payment, moderator } = await paidOut(world)
  await control(world.sandbox, 'settings', { emptyAccounts: true })
  await refund(world, moderator, payment.id, { orderId: order.orderId, amount: '5.00' })
  await reversePayouts(dependenciesOf(world))
  await lookNow(world)
  t.same(movesOf(world), ['transfer.created', 'refund.created'])
  t.equal((await balances(world))[`seller:payable:${seller.id}`], '500')
  t.match(await payoutsOfWorld(world), [{ state: 'done', reversed_amount: 0n }])
  await sell(world, seller.id, 2_000n)
  await letTimePass(world, 24 * HOUR_MS)
  await payOut(world)
  t.match(await payoutsOfWorld(world), [{ amount: 1_850n }, { amount: 1_500n, state: 'done' }])
  t.same(await differences(world), [])
})

t.test('an answer that is lost takes no money back twice', async (t) => {
  const world = await createWorld(t)
  const { order, payment, moderator } = await paidOut(world)
  await control(world.sandbox, 'faults', {
    faults: [{ kind: 'lose_answer', on: '^POST /v1/transfers/[^/]+/reversals', times: 3 }],
  })
  await refund(world, moderator, payment.id, { orderId: order.orderId, amount: '5.00' })
  await reversePayouts(dependenciesOf(world))
  await lookNow(world)
  t.notOk(movesOf(world).includes('refund.created'), 'it is not known, so the refund waits')
  await control(world.sandbox, 'settings', { clockAheadS: 3 * 86_400 })
  await sql`update payout_reversals set due_at = clock_timestamp()`.execute(world.db)
  await reversePayouts(dependenciesOf(world))
  await lookNow(world)
  t.match(transfersOf(world), [{ amount_reversed: 500 }])
  t.same(movesOf(world), ['transfer.created', 'transfer.reversed', 'refund.created'])
  t.same(await differences(world), [])
})

t.test('a buyer waits an hour at most for what the seller has to give back', async (t) => {
  const world = await createWorld(t)
  const { order, payment, moderator } = await paidOut(world)
  await control(world.sandbox, 'faults', {
    faults: [{ kind: 'error', on: 'transfers' }],
  })
  await refund(world, moderator, payment.id, { orderId: order.orderId, amount: '5.00' })
  await reversePayouts(dependenciesOf(world))
  await lookNow(world)
  t.notOk(movesOf(world).includes('refund.created'))
  await letTimePass(world, HOUR_MS)
  await lookNow(world)
  t.same(movesOf(world), ['transfer.created', 'refund.created'])
  await control(world.sandbox, 'reset', {})
  await reversePayouts(dependenciesOf(world))
  t.same(movesOf(world), ['transfer.created', 'refund.created', 'transfer.reversed'])
  t.same(await balances(world), {})
})

t.test('a dispute that is lost is asked back of the seller as well', async (t) => {
  const world = await createWorld(t)
  const { payment } = await paidOut(world)
  const [charge] = world.sandbox.provider.store.all<{ id: string }>('charges')
  await control(world.sandbox, `disputes/${charge?.id}`, {})
  await sql`update payments set due_at = clock_timestamp()`.execute(world.db)
  await lookNow(world)
  t.equal(await reversePayouts(dependenciesOf(world)), 0, 'not while the bank decides')
  const [dispute] = world.sandbox.provider.store.all<{ id: string }>('disputes')
  await control(world.sandbox, `disputes/${dispute?.id}`, { isWon: false })
  await sql`update payments set due_at = clock_timestamp() where id = ${payment.id}`.execute(
    world.db,
  )
  await lookNow(world)
  t.equal(await reversePayouts(dependenciesOf(world)), 1)
  t.match(transfersOf(world), [{ amount: 1_850, amount_reversed: 1_850 }])
  t.match(await payoutsOfWorld(world), [{ state: 'done', reversed_amount: 1_850n }])
  t.same(await balances(world), {})
  t.same(await differences(world), [])
})

t.test('refunds while a payout is on its way end in no debt, in both orders', async (t) => {
  const world = await createWorld(t)
  const seller = sellerOf(world)
  const moderator = world.person({ roles: ['user', 'moderator'], auth_time: freshly() })
  await onboard(world, seller)
  const rules = { ...RULES, intervalMs: 0 }
  let [before, after] = [0, 0]
  for (let round = 0; round < 200 && (round < 30 || before === 0 || after === 0); round += 1) {
    const buyer = world.person()
    const { order, payment } = await captured(world, buyer)
    await world.db.transaction().execute((tx) => completeOrder(tx, order.orderId, new Date()))
    const known = (await payoutsOfWorld(world)).length
    const pay = async () => {
      await planPayouts(world.db, rules)
      await sendPayouts(dependenciesOf(world))
    }
    const refunding = () =>
      refund(world, moderator, payment.id, { orderId: order.orderId, amount: '5.00' })
    // The first of two that begin at once has an advantage, so it is not always the same.
    const isRefundFirst = round % 3 === 0
    const first = isRefundFirst ? refunding() : undefined
    if (round % 6 === 0) await first
    const paying = pay()
    if (round % 6 === 1) await paying
    const answer = await (first ?? refunding())
    await paying
    t.equal(answer.statusCode, 201)
    const paid = (await payoutsOfWorld(world)).slice(known)
    if (paid[0]?.amount === 1_850n) after += 1
    else before += 1
    await waitFor('all of it to be settled', async () => {
      await payOut(world, rules)
      await letTimePass(world, 60_000)
      await lookNow(world)
      return Object.keys(await balances(world)).length === 0
    })
  }
  t.ok(before > 0 && after > 0, `${before} refunds before the payout, ${after} after it`)
  const left = transfersOf(world).reduce((sum, one) => sum + one.amount - one.amount_reversed, 0)
  t.equal(left, (before + after) * 1_350)
  t.same(await differences(world), [])
})

t.test('a daily look compares what came back with what was booked', async (t) => {
  const world = await createWorld(t)
  const { order, payment, moderator } = await paidOut(world)
  const { store } = world.sandbox.provider
  const transfer = transferOf(world)
  await refund(world, moderator, payment.id, { orderId: order.orderId, amount: '5.00' })
  await reversePayouts(dependenciesOf(world))
  await letTimePass(world, 24 * HOUR_MS)
  t.equal(await checkPaid(dependenciesOf(world)), 1)
  t.match(await payoutsOfWorld(world), [{ state: 'done', reversed_amount: 500n }])
  t.same(await openDifferences(world), [])
  for (const { id } of store.all<{ id: string }>('reversals')) store.delete('reversals', id)
  store.put('transfers', transfer.id, { ...transfer, amount_reversed: 0 })
  await letTimePass(world, 24 * HOUR_MS)
  t.equal(await checkPaid(dependenciesOf(world)), 1)
  t.match(await openDifferences(world), [{ kind: 'transfer_amount', theirs: / 0 back$/ }])
  store.delete('transfers', transfer.id)
  await letTimePass(world, 24 * HOUR_MS)
  t.equal(await checkPaid(dependenciesOf(world)), 1)
  t.match(await openDifferences(world), [{ kind: 'transfer_amount' }, { kind: 'missing_transfer' }])
  t.match(await payoutsOfWorld(world), [{ state: 'done', reversed_amount: 500n }], 'as before')
})

t.test('what came back of an old payout makes a night compare it', async (t) => {
  const world = await createWorld(t)
  const { order, payment, moderator } = await paidOut(world)
  const [provider] = world.payoutProviders
  if (provider === undefined) throw new Error('no provider')
  await sql`update payouts set created_at = created_at - interval '40 days',
    changed_at = changed_at - interval '40 days'`.execute(world.db)
  const [transfer] = transfersOf(world)
  const { store } = world.sandbox.provider
  store.put('transfers', transfer?.id ?? '', {
    ...transfer,
    created: (transfer?.created ?? 0) - 40 * 86_400,
  })
  const compare = () =>
    reconcileTransfers(
      world.db,
      provider,
      new Date(Date.now() - HOUR_MS),
      new Date(Date.now() + 2_000),
    )
  t.same(await compare(), { transfers: 0, differences: 0 })
  await refund(world, moderator, payment.id, { orderId: order.orderId, amount: '5.00' })
  await reversePayouts(dependenciesOf(world))
  t.same(await compare(), { transfers: 0, differences: 0 }, 'it was made as we hold it')
  for (const { id } of store.all<{ id: string }>('reversals')) store.delete('reversals', id)
  store.put('transfers', transfer?.id ?? '', { ...transferOf(world), amount_reversed: 0 })
  t.same(await compare(), { transfers: 0, differences: 1 })
})

t.test('money that came back with another amount is not booked as ours', async (t) => {
  const world = await createWorld(t)
  const { order, payment, moderator } = await paidOut(world)
  await control(world.sandbox, 'faults', {
    faults: [{ kind: 'lose_answer', on: '^POST /v1/transfers/[^/]+/reversals', times: 3 }],
  })
  await refund(world, moderator, payment.id, { orderId: order.orderId, amount: '5.00' })
  await reversePayouts(dependenciesOf(world))
  const { store } = world.sandbox.provider
  const [reversal] = store.all<{ id: string }>('reversals')
  store.put('reversals', reversal?.id ?? '', { ...reversal, amount: 400 })
  store.put('transfers', transferOf(world).id, { ...transferOf(world), amount_reversed: 400 })
  await sql`update payout_reversals set due_at = clock_timestamp()`.execute(world.db)
  await reversePayouts(dependenciesOf(world))
  const { rows } = await sql`select state from payout_reversals`.execute(world.db)
  t.same(rows, [{ state: 'unknown' }])
  t.match(await openDifferences(world), [
    { kind: 'transfer_amount', ours: '500 EUR back', theirs: `${reversal?.id}: 400 EUR back` },
  ])
})

t.test('what was refused to us and happened after all is booked by the daily look', async (t) => {
  const world = await createWorld(t)
  const { seller, order, payment, moderator } = await paidOut(world)
  await control(world.sandbox, 'settings', { emptyAccounts: true })
  await refund(world, moderator, payment.id, { orderId: order.orderId, amount: '5.00' })
  await reversePayouts(dependenciesOf(world))
  t.equal((await balances(world))[`seller:payable:${seller.id}`], '500')
  const { rows } = await sql<{ id: string }>`select id from payout_reversals`.execute(world.db)
  await control(world.sandbox, 'settings', { emptyAccounts: false })
  const [provider] = world.payoutProviders
  const [payout] = await payoutsOfWorld(world)
  await provider?.reverse(
    {
      transferReference: payout?.reference ?? '',
      reversalId: rows[0]?.id ?? '',
      amount: 500n,
      currencyCode: 'EUR',
    },
    'another key',
  )
  await letTimePass(world, 24 * HOUR_MS)
  t.equal(await checkPaid(dependenciesOf(world)), 1)
  t.match(await payoutsOfWorld(world), [{ state: 'done', reversed_amount: 500n }])
  await lookNow(world)
  t.same(await balances(world), {})
  t.same(await differences(world), [])
  t.same(await openDifferences(world), [])
})

t.test('a debt of before is asked for apart, and what a bank holds is not', async (t) => {
  const world = await createWorld(t)
  const { seller, order, payment, moderator } = await paidOut(world)
  const other = await captured(world, world.person())
  await world.db.transaction().execute((tx) => completeOrder(tx, other.order.orderId, new Date()))
  await payOut(world, { ...RULES, intervalMs: 0 })
  const charges = world.sandbox.provider.store.all<{ id: string }>('charges')
  await control(world.sandbox, `disputes/${charges[1]?.id}`, {})
  await sql`update payments set due_at = clock_timestamp()`.execute(world.db)
  await lookNow(world)
  t.equal((await balances(world))[`seller:payable:${seller.id}`], '1850', 'the bank holds it')
  await refund(world, moderator, payment.id, { orderId: order.orderId, amount: '5.00' })
  const asked = async () =>
    (
      await sql<{ amount: bigint; is_own: boolean }>`
        select amount, refund_id is not null as is_own from payout_reversals order by id`.execute(
        world.db,
      )
    ).rows
  t.same(await asked(), [{ amount: 500n, is_own: true }])
  const [dispute] = world.sandbox.provider.store.all<{ id: string }>('disputes')
  await control(world.sandbox, `disputes/${dispute?.id}`, { isWon: false })
  await sql`update payments set due_at = clock_timestamp() where id = ${other.payment.id}`.execute(
    world.db,
  )
  await lookNow(world)
  const after = await asked()
  t.equal(
    after.reduce((sum, { amount }) => sum + amount, 0n),
    2_350n,
  )
  await refund(world, moderator, payment.id, { orderId: order.orderId, amount: '1.00' })
  t.match((await asked()).slice(after.length), [{ amount: 100n, is_own: true }])
  await reversePayouts(dependenciesOf(world))
  await lookNow(world)
  t.same(await balances(world), {})
})

t.test('two refunds at once never leave a debt that no one asks for', async (t) => {
  const world = await createWorld(t)
  const { db } = world
  const first = { one: 0, other: 0 }
  for (let round = 0; round < 200; round += 1) {
    const sellerId = randomUUID()
    const old = await sell(world, sellerId, 10_000n)
    await putPaid(world, sellerId, 10_000n)
    const left = await sell(world, sellerId, 4_000n)
    const give = (which: 'one' | 'other', sale: { paymentId: string; orderId: string }) =>
      db.transaction().execute(async (tx) => {
        const { paymentId, orderId } = sale
        await postRefund(tx, { paymentId, orderId, refundId: randomUUID(), amount: 3_000n })
        await collectDebt(tx, { sellerId, currencyCode: 'EUR' })
        const { rows } = await sql<{ n: number }>`
            select count(*)::int as n from payout_reversals r join payouts p on p.id = r.payout_id
            where p.seller_id = ${sellerId}`.execute(tx)
        // The second one sees the debt.
        if (rows[0]?.n === 0) first[which] += 1
      })
    await Promise.all(
      round % 2 === 0
        ? [give('one', old), give('other', left)]
        : [give('other', left), give('one', old)],
    )
    const { rows } = await sql<{ amount: bigint }>`
      select coalesce(sum(r.amount), 0)::bigint as amount
      from payout_reversals r join payouts p on p.id = r.payout_id where p.seller_id = ${sellerId}`.execute(
      db,
    )
    if (rows[0]?.amount !== 2_000n) t.fail(`round ${round}: ${rows[0]?.amount} of 2000 was asked`)
  }
  t.ok(first.one > 0 && first.other > 0, `${first.one} and ${first.other} were first`)
})

t.test('what was owed and never asked for is asked for by the next plan, once', async (t) => {
  const world = await createWorld(t)
  const sellerId = randomUUID()
  const sale = await sell(world, sellerId, 5_000n)
  await putPaid(world, sellerId, 5_000n)
  await world.db.transaction().execute((tx) =>
    postRefund(tx, {
      paymentId: sale.paymentId,
      orderId: sale.orderId,
      refundId: randomUUID(),
      amount: 2_000n,
    }),
  )
  const asked = async () =>
    (
      await sql<{ amount: bigint; state: string }>`
        select amount, state from payout_reversals order by id`.execute(world.db)
    ).rows
  await planPayouts(world.db, RULES)
  t.match(await asked(), [{ amount: 2_000n, state: 'planned' }])
  // The provider has no such transfer, and refuses.
  await reversePayouts(dependenciesOf(world))
  t.match(await asked(), [{ state: 'failed' }])
  for (let day = 0; day < 3; day += 1) {
    await letTimePass(world, 24 * HOUR_MS)
    await planPayouts(world.db, RULES)
  }
  t.equal((await asked()).length, 1, 'a refusal is an answer')
})

t.test('what came back and is not booked yet is no difference but is looked at', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  await onboard(world, seller)
  await sell(world, seller.id, 5_000n)
  await payOut(world)
  const [transfer] = transfersOf(world)
  await control(world.sandbox, `transfers/${transfer?.id}`, {})
  const [provider] = world.payoutProviders
  if (provider === undefined) throw new Error('no provider')
  const to = new Date(Date.now() + 2_000)
  const counts = await reconcileTransfers(world.db, provider, new Date(Date.now() - HOUR_MS), to)
  t.same(counts, { transfers: 1, differences: 0 })
  t.equal(await checkPaid(dependenciesOf(world)), 1)
  t.match(await payoutsOfWorld(world), [{ state: 'returned' }])
})

t.test(
  'as much is asked back as the provider can take back, and the rest stays a debt',
  async (t) => {
    const world = await createWorld(t)
    const seller = fresh(world)
    await onboard(world, seller)
    // Stripe takes dinars in steps of ten fils.
    const sale = await sell(world, seller.id, 35_150n, 'KWD')
    await payOut(world)
    const { paymentId, orderId } = sale
    const refundId = randomUUID()
    await world.db.transaction().execute(async (tx) => {
      await postRefund(tx, { paymentId, orderId, refundId, amount: 17_575n })
      await collectDebt(tx, { sellerId: seller.id, currencyCode: 'KWD' })
    })
    t.equal(await reversePayouts(dependenciesOf(world)), 1)
    t.match(transfersOf(world), [{ amount: 35_150, amount_reversed: 17_570 }])
    t.match(await payoutsOfWorld(world), [{ state: 'done', reversed_amount: 17_570n }])
    t.equal((await balances(world))[`seller:payable:${seller.id}`], '5')
    t.same(await differences(world), [])
  },
)

t.test('what is refunded while a bank holds a part counts as what was paid out', async (t) => {
  const world = await createWorld(t)
  const { seller, order, payment, moderator } = await paidOut(world)
  const [charge] = world.sandbox.provider.store.all<{ id: string }>('charges')
  await control(world.sandbox, `disputes/${charge?.id}`, { amount: 350 })
  await sql`update payments set due_at = clock_timestamp()`.execute(world.db)
  await lookNow(world)
  t.equal(await reversePayouts(dependenciesOf(world)), 0, 'not while the bank decides')
  const terms = { orderId: order.orderId, amount: '5.00' }
  const own = await refund(world, seller, payment.id, terms)
  t.equal(own.json().code, 'payment.refund_not_covered', 'a seller makes no debt')
  t.equal((await refund(world, moderator, payment.id, terms)).statusCode, 201)
  await lookNow(world)
  t.equal(await reversePayouts(dependenciesOf(world)), 1)
  t.match(await payoutsOfWorld(world), [{ state: 'done', reversed_amount: 500n }])
  const [dispute] = world.sandbox.provider.store.all<{ id: string }>('disputes')
  await control(world.sandbox, `disputes/${dispute?.id}`, { isWon: true })
  await sql`update payments set due_at = clock_timestamp()`.execute(world.db)
  for (let look = 0; look < 3; look += 1) await lookNow(world)
  // Stripe gives nothing back of a charge that is disputed, so the seller is owed again what came back.
  const payable = `seller:payable:${seller.id}`
  t.same(await balances(world), { 'clearing:stripe': '500', [payable]: '-500' })
  t.same(await differences(world), [])
})

t.test('a seller whose money a bank holds may refund of it', async (t) => {
  const world = await createWorld(t)
  const seller = sellerOf(world)
  const { order, payment } = await captured(world, world.person())
  await world.db.transaction().execute((tx) => completeOrder(tx, order.orderId, new Date()))
  const [charge] = world.sandbox.provider.store.all<{ id: string }>('charges')
  await control(world.sandbox, `disputes/${charge?.id}`, { amount: 350 })
  await sql`update payments set due_at = clock_timestamp()`.execute(world.db)
  await lookNow(world)
  const given = await refund(world, seller, payment.id, { orderId: order.orderId, amount: '5.00' })
  t.equal(given.statusCode, 201)
  t.same(await differences(world), [])
})
