import { randomUUID } from 'node:crypto'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { signatureOf } from '@auction/local/sandbox/webhooks.ts'
import { sql } from 'kysely'
import { sealEntries } from '#src/app/ledger/seal-entries.ts'
import { lookAtAccounts } from '#src/app/payouts/look-at-accounts.ts'
import { createPayoutMetrics } from '#src/app/payouts/payout-metrics.ts'
import { type PayoutRules, planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { checkPaid, reversePayouts } from '#src/app/payouts/reverse-payouts.ts'
import { type PayoutDependencies, sendPayouts } from '#src/app/payouts/send-payouts.ts'
import { completeOrder, postCapture } from '#src/app/sales/sale-ledger.ts'
import { verifyMoney } from '#src/app/verify/verify-money.ts'
import { payoutDone, payoutSent } from '#src/domain/payout.ts'
import { post } from '#src/infra/postgres/ledger/post.ts'
import { readOpenDifferences } from '#src/infra/postgres/payments/differences.ts'
import { decidePayout, insertPayout } from '#src/infra/postgres/payouts/payouts.ts'
import { log, type Person, type World } from '#test/helper.ts'
import { WEBHOOK_SECRET } from '#test/infra/stripe/sandbox.ts'
import { captured } from '../payments/buyer.ts'
import { freshly, seller as sellerOf } from '../payments/refunds.ts'

export const HOUR_MS = 3_600_000
export const RULES: PayoutRules = { minimumOf: () => 1n, intervalMs: 24 * HOUR_MS }

export const dependenciesOf = ({ db, payoutProviders }: World): PayoutDependencies => ({
  db,
  providers: payoutProviders,
  log,
  metrics: createPayoutMetrics(createRegistry('payment')),
})

/** A sale whose order is completed, so that all of it is payable. */
export async function sell(
  { db }: World,
  sellerId: string,
  sellerGross: bigint,
  currencyCode = 'EUR',
) {
  const sale = {
    paymentId: randomUUID(),
    orderId: randomUUID(),
    itemId: randomUUID(),
    sellerId,
    buyerId: randomUUID(),
    provider: 'stripe',
    currencyCode,
    sellerGross,
    premium: 0n,
    categoryIds: [],
  }
  await db.transaction().execute(async (tx) => {
    await postCapture(tx, sale, undefined)
    await completeOrder(tx, sale.orderId, new Date())
  })
  return sale
}

export const askForPage = ({ app }: World, who: Person, payload: object = {}) =>
  app.inject({
    method: 'POST',
    url: '/api/v1/billing/payout-account/page',
    headers: who.headers,
    payload,
  })

export async function accountOf({ app }: World, who: Person) {
  return (
    await app.inject({ url: '/api/v1/billing/payout-account', headers: who.headers })
  ).json() as { state: string; code?: string }
}

/** Gives bank details on the page of the provider, which refuses them or not. */
export async function onboard(world: World, who: Person, answer = 'accept'): Promise<void> {
  const { url } = (await askForPage(world, who)).json() as { url: string }
  await fetch(url, { method: 'POST', body: new URLSearchParams({ answer }), redirect: 'manual' })
  await lookAtAllAccounts(world)
}

export async function lookAtAllAccounts(world: World): Promise<void> {
  await sql`update payout_accounts set next_look_at = clock_timestamp()`.execute(world.db)
  await lookAtAccounts(dependenciesOf(world))
}

/** Lets time pass without waiting for it. */
export async function letTimePass({ db }: World, milliseconds: number): Promise<void> {
  const back = sql`${milliseconds} * interval '1 ms'`
  await sql`update payout_candidates set due_at = due_at - ${back}`.execute(db)
  await sql`update payout_reversals set due_at = due_at - ${back}, created_at = created_at - ${back}`.execute(
    db,
  )
  await sql`update refunds set created_at = created_at - ${back}`.execute(db)
  await sql`update payouts set due_at = due_at - ${back}, created_at = created_at - ${back},
    next_check_at = next_check_at - ${back}`.execute(db)
}

/** What the worker does about payouts, once. */
export async function payOut(world: World, rules = RULES): Promise<void> {
  const dependencies = dependenciesOf(world)
  await planPayouts(world.db, rules)
  await sendPayouts(dependencies)
  await reversePayouts(dependencies)
  await checkPaid(dependencies)
}

export interface PayoutRow {
  id: string
  seller_id: string
  amount: bigint
  state: string
  code: string | null
  reference: string | null
  reversed_amount: bigint
}

export const payoutsOfWorld = async ({ db }: World): Promise<PayoutRow[]> =>
  (await sql<PayoutRow>`select * from payouts order by id`.execute(db)).rows

export interface Transfer {
  id: string
  amount: number
  amount_reversed: number
  destination: string
  metadata: { payoutId?: string; sellerId?: string }
  created: number
}

export const transfersOf = ({ sandbox }: World): Transfer[] =>
  sandbox.provider.store.all<Transfer>('transfers')

export async function differences({ db }: World): Promise<string[]> {
  const found: string[] = []
  // As the worker does each second.
  await sealEntries(db)
  await verifyMoney(db, { report: (one) => found.push(one), page: 2 })
  return found
}

/** A payout that was paid, of a transfer that no provider has. */
export async function putPaid(
  { db }: World,
  sellerId: string,
  amount: bigint,
  currencyCode = 'EUR',
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const payout = await insertPayout(tx, {
      sellerId,
      currencyCode,
      amount,
      provider: 'stripe',
      accountReference: 'acct_1',
    })
    await post(tx, payoutSent(payout))
    await decidePayout(tx, payout.id, { state: 'done', reference: `tr_${payout.id}` })
    await post(tx, payoutDone(payout))
  })
}

export const openDifferences = ({ db }: World) => readOpenDifferences(db, 100)

/** A user who proved a moment ago who it is. */
export const fresh = (world: World) => world.person({ auth_time: freshly() })

/** A report as Stripe signs it. */
export function report({ app }: World, event: object, secret = WEBHOOK_SECRET) {
  const body = JSON.stringify({ id: `evt_${randomUUID()}`, object: 'event', ...event })
  return app.inject({
    method: 'POST',
    url: '/webhooks/payments/stripe',
    headers: {
      'content-type': 'application/json',
      'stripe-signature': signatureOf(body, secret, freshly()),
    },
    payload: body,
  })
}

/** An order of 18.50 that was paid, completed and paid out. */
export async function paidOut(world: World) {
  const seller = sellerOf(world)
  await onboard(world, seller)
  const buyer = world.person()
  const { order, payment } = await captured(world, buyer)
  await world.db.transaction().execute((tx) => completeOrder(tx, order.orderId, new Date()))
  await payOut(world)
  const moderator = world.person({ roles: ['user', 'moderator'], auth_time: freshly() })
  return { seller, buyer, order, payment, moderator }
}

export function transferOf(world: World) {
  const [transfer] = transfersOf(world)
  if (transfer === undefined) throw new Error('no transfer')
  return transfer
}

/** What the provider did, in order. */
export const movesOf = ({ sandbox }: World) =>
  sandbox.provider.store
    .all<{ type: string }>('events')
    .map(({ type }) => type)
    .filter((type) => ['transfer.created', 'transfer.reversed', 'refund.created'].includes(type))
