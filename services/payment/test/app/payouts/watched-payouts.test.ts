import { randomUUID } from 'node:crypto'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { sql } from 'kysely'
import t from 'tap'
import { createMoneyMetrics } from '#src/app/metrics.ts'
import { watchPayments } from '#src/app/payments/watch-payments.ts'
import { payableBy } from '#src/app/payouts/plan-payouts.ts'
import { reconcileTransfers } from '#src/app/payouts/reconcile-transfers.ts'
import { recordOutcome } from '#src/app/payouts/send-payouts.ts'
import { MANUAL } from '#src/domain/payout.ts'
import { putPayoutAccount } from '#src/infra/postgres/payouts/accounts.ts'
import { readPayableAges } from '#src/infra/postgres/payouts/payouts.ts'
import { createWorld, type World } from '#test/helper.ts'
import { control } from '#test/infra/stripe/sandbox.ts'
import { captured, lookNow } from '../payments/buyer.ts'
import {
  fresh,
  HOUR_MS,
  letTimePass,
  onboard,
  paidOut,
  payOut,
  payoutsOfWorld,
  RULES,
  sell,
  transferOf,
} from './payee.ts'

const HOUR_S = 3_600

async function agesOf({ db }: World): Promise<Record<string, number>> {
  const ages = await readPayableAges(db)
  return Object.fromEntries(
    ages.map(({ waitsFor, seconds }) => [waitsFor, Math.floor(seconds / HOUR_S)]),
  )
}

/** Money has been payable for so long, whatever its payouts wait for. */
async function age({ db }: World, hours: number): Promise<void> {
  await sql`update payout_candidates set payable_since = payable_since - ${hours} * interval '1 hour'`.execute(
    db,
  )
}

t.test('what is payable is as old as it is, and says what it waits for', async (t) => {
  const world = await createWorld(t)
  const seller = fresh(world)
  await sell(world, seller.id, 500n)
  t.same(await agesOf(world), { nothing: 0 })
  const rules = { ...RULES, minimumOf: () => 1_000n }
  await age(world, 10)
  await payOut(world, rules)
  t.same(await agesOf(world), { minimum: 10 })
  await sell(world, seller.id, 500n)
  await letTimePass(world, 24 * HOUR_MS)
  await payOut(world, rules)
  t.same(await agesOf(world), { account: 0 }, 'what is enough counts since it is enough')
  await age(world, 5)
  await onboard(world, seller)
  await payOut(world, { ...rules, payable: payableBy([]) })
  t.same(await agesOf(world), { provider: 5 })
  await letTimePass(world, 24 * HOUR_MS)
  await payOut(world, rules)
  await payOut(world, rules)
  t.same(await agesOf(world), {}, 'it was paid out')
  await sell(world, seller.id, 2_000n)
  await payOut(world, rules)
  await age(world, 30)
  t.same(await agesOf(world), { interval: 30 })
})

t.test('what a payout that failed was of is as old as before', async (t) => {
  const world = await createWorld(t)
  const [sellerId, small] = [randomUUID(), 300n]
  const account = { sellerId, provider: MANUAL, reference: 'creditor-1', state: 'enabled' } as const
  await world.db.transaction().execute((tx) => putPayoutAccount(tx, account))
  await sell(world, sellerId, 2_000n)
  const rules = { ...RULES, minimumOf: () => 1_000n }
  const fail = async () => {
    const open = (await payoutsOfWorld(world)).find(({ state }) => state === 'planned')
    if (open === undefined) throw new Error('nothing is planned')
    const outcome = { kind: 'failed', code: 'refused' } as const
    await outboxTransaction(world.db, (tx) => recordOutcome(tx, open.id, outcome))
  }
  for (const [index, hours] of [40, 80, 120].entries()) {
    await age(world, 40)
    await payOut(world, rules)
    t.same(await agesOf(world), {}, 'it is planned')
    await fail()
    t.same(await agesOf(world), { nothing: hours }, `failure ${index + 1}`)
    await letTimePass(world, 24 * HOUR_MS)
  }
  await payOut(world, rules)
  await sell(world, sellerId, small)
  await payOut(world, rules)
  t.same(await agesOf(world), { minimum: 0 }, 'what came meanwhile is too little')
  await fail()
  await payOut(world, rules)
  t.match(await agesOf(world), { nothing: 120 }, 'together it is enough')
})

t.test('every age is there from the start, and the interval beside it', async (t) => {
  const registry = createRegistry('payment')
  const metrics = createMoneyMetrics(registry, 24 * HOUR_MS)
  const read = async (name: string) =>
    ((await registry.getSingleMetric(name)?.get())?.values ?? []).map(({ labels, value }) => [
      labels.waits_for,
      value,
    ])
  const reasons = ['nothing', 'minimum', 'account', 'payout', 'interval', 'provider']
  t.same(
    await read('payment_payable_oldest_seconds'),
    reasons.map((reason) => [reason, 0]),
  )
  t.same(await read('payment_payout_interval_seconds'), [[undefined, 86_400]])
  metrics.payable([{ waitsFor: 'payout', seconds: 7 }])
  t.same(
    await read('payment_payable_oldest_seconds'),
    reasons.map((reason) => [reason, reason === 'payout' ? 7 : 0]),
  )
  metrics.payable([])
  t.same(
    await read('payment_payable_oldest_seconds'),
    reasons.map((reason) => [reason, 0]),
  )
  t.end()
})

t.test('refunds, transfers and reversals of others are counted', async (t) => {
  const world = await createWorld(t)
  const registry = createRegistry('payment')
  watchPayments(world.db, registry, ['stripe'])
  const counts = async () => {
    const [refunds, transfers] = await Promise.all(
      ['payment_foreign_refunds', 'payment_foreign_transfers'].map(
        async (name) => (await registry.getSingleMetric(name)?.get())?.values[0]?.value,
      ),
    )
    return { refunds, transfers }
  }
  t.same(await counts(), { refunds: 0, transfers: 0 })
  await paidOut(world)
  const { payment } = await captured(world, world.person())
  t.same(await counts(), { refunds: 0, transfers: 0 }, 'our own are none')
  const { store } = world.sandbox.provider
  const [, charge] = store.all<{ id: string; payment_intent: string; currency: string }>('charges')
  store.put('refunds', 're_hand', {
    id: 're_hand',
    object: 'refund',
    amount: 100,
    currency: 'eur',
    charge: charge?.id,
    payment_intent: charge?.payment_intent,
    status: 'succeeded',
    metadata: {},
    created: Math.floor(Date.now() / 1_000),
  })
  await sql`update payments set due_at = clock_timestamp() where id = ${payment.id}`.execute(
    world.db,
  )
  await lookNow(world)
  t.same(await counts(), { refunds: 1, transfers: 0 })
  await control(world.sandbox, `transfers/${transferOf(world).id}`, {})
  await letTimePass(world, 24 * HOUR_MS)
  await payOut(world)
  t.same(await counts(), { refunds: 1, transfers: 1 }, 'one came back')
  store.put('transfers', 'tr_hand', {
    ...transferOf(world),
    id: 'tr_hand',
    transfer_group: null,
    metadata: { payoutId: randomUUID() },
  })
  const [provider] = world.payoutProviders
  if (provider === undefined) throw new Error('no provider')
  const to = new Date(Date.now() + 2_000)
  await reconcileTransfers(world.db, provider, new Date(Date.now() - HOUR_MS), to)
  t.same(await counts(), { refunds: 1, transfers: 2 }, 'one was made by hand')
  await sql`update payment_differences set closed_at = clock_timestamp(), note = 'x'`.execute(
    world.db,
  )
  t.same(await counts(), { refunds: 0, transfers: 1 }, 'an operator closed them')
})
