import { randomUUID } from 'node:crypto'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { sealEntries } from '#src/app/ledger/seal-entries.ts'
import { createPayoutMetrics } from '#src/app/payouts/payout-metrics.ts'
import { type PayoutRules, planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { sendPayouts } from '#src/app/payouts/send-payouts.ts'
import { completeOrder, postCapture, postRefund } from '#src/app/sales/sale-ledger.ts'
import { verifyMoney } from '#src/app/verify/verify-money.ts'
import type { TransferProvider, TransferRequest, TransferState } from '#src/domain/payout.ts'
import { putPayoutAccount } from '#src/infra/postgres/payouts/accounts.ts'
import { createWorld, log, type World } from '#test/helper.ts'

const HOUR_MS = 3_600_000
const metrics = createPayoutMetrics(createRegistry('payment'))
const RULES: PayoutRules = { minimumOf: () => 1_000n, intervalMs: 24 * HOUR_MS }

const run = <T>({ db }: World, work: (tx: Parameters<typeof postCapture>[0]) => Promise<T>) =>
  db.transaction().execute(work)

/** A sale whose order is completed, so that all of it is payable. */
async function sell(world: World, sellerId: string, sellerGross: bigint) {
  const sale = {
    paymentId: randomUUID(),
    orderId: randomUUID(),
    itemId: randomUUID(),
    sellerId,
    buyerId: randomUUID(),
    provider: 'stripe',
    currencyCode: 'EUR',
    sellerGross,
    premium: 0n,
    categoryIds: [],
  }
  await run(world, async (tx) => {
    await postCapture(tx, sale, undefined)
    await completeOrder(tx, sale.orderId, new Date())
  })
  return sale
}

const enable = (world: World, sellerId: string, provider = 'stripe') =>
  run(world, (tx) =>
    putPayoutAccount(tx, { sellerId, provider, reference: 'acct_1', state: 'enabled' }),
  )

async function payouts({ database }: World) {
  const { rows } = await database.pool.query<{ id: string; amount: bigint; state: string }>(
    'select id, amount, state, provider, code, tries from payouts order by id',
  )
  return rows
}

/** Lets time pass without waiting for it. */
async function letTimePass({ database }: World, milliseconds: number) {
  for (const column of ['payout_candidates set due_at = due_at', 'payouts set due_at = due_at']) {
    await database.pool.query(`update ${column} - $1 * interval '1 ms'`, [milliseconds])
  }
  await database.pool.query(`update payouts set created_at = created_at - $1 * interval '1 ms'`, [
    milliseconds,
  ])
}

async function balance({ database }: World, account: string): Promise<bigint> {
  const { rows } = await database.pool.query<{ amount: bigint }>(
    'select coalesce(sum(amount), 0)::bigint as amount from ledger_postings where account = $1',
    [account],
  )
  return rows[0]?.amount ?? 0n
}

async function differences({ db }: World): Promise<string[]> {
  const found: string[] = []
  // As the worker does each second: an entry without a seal is a difference after a minute.
  await sealEntries(db)
  await verifyMoney(db, { report: (one) => found.push(one) })
  return found
}

/** A provider that keeps what it paid, by key; `fault` happens before or after it did. */
function provider(
  fault: (request: TransferRequest, call: number) => 'before' | 'after' | undefined,
) {
  const paid = new Map<string, bigint>()
  const keys = new Map<string, TransferState>()
  let calls = 0
  const done = (id: string): TransferState => ({ kind: 'done', reference: `tr_${id}` })
  const it: TransferProvider = {
    name: 'stripe',
    payable: ({ amount }) => amount,
    async transfer(request, key) {
      calls += 1
      const when = fault(request, calls)
      if (when === 'before') throw new Error('the connection was refused')
      if (!keys.has(key)) {
        keys.set(key, done(request.id))
        paid.set(request.sellerId, (paid.get(request.sellerId) ?? 0n) + request.amount)
      }
      if (when === 'after') throw new Error('no answer came')
      return keys.get(key) ?? done(request.id)
    },
    async lookTransfer({ id }) {
      return keys.get(`payout:${id}`) ?? { kind: 'absent' }
    },
  }
  return { it, paid, calls: () => calls }
}

t.test(
  'what is payable is planned once, by any number of workers, and is not payable then',
  async (t) => {
    const world = await createWorld(t)
    const seller = randomUUID()
    await enable(world, seller)
    await sell(world, seller, 5_000n)
    await sell(world, seller, 2_500n)
    const planned = await Promise.all(Array.from({ length: 5 }, () => planPayouts(world.db, RULES)))
    t.equal(
      planned.reduce((sum, count) => sum + count, 0),
      1,
    )
    t.match(await payouts(world), [{ amount: 7_500n, state: 'planned' }])
    t.equal(await balance(world, `seller:payable:${seller}`), 0n)
    t.equal(await balance(world, 'payout:in_transit'), -7_500n)
  },
)

t.test(
  'no payout without an account, below the minimum, or before the interval is over',
  async (t) => {
    const world = await createWorld(t)
    const seller = randomUUID()
    await sell(world, seller, 600n)
    t.equal(await planPayouts(world.db, RULES), 0, 'below the minimum')
    await sell(world, seller, 600n)
    await letTimePass(world, 24 * HOUR_MS)
    t.equal(await planPayouts(world.db, RULES), 0, 'no account')
    await enable(world, seller)
    t.equal(await planPayouts(world.db, RULES), 1, 'an account that is enabled makes it due')
    await sendPayouts({ db: world.db, providers: [provider(() => undefined).it], log, metrics })
    await sell(world, seller, 5_000n)
    t.equal(await planPayouts(world.db, RULES), 0, 'on the same day')
    await letTimePass(world, 23 * HOUR_MS)
    t.equal(await planPayouts(world.db, RULES), 0, 'an hour before')
    await letTimePass(world, HOUR_MS)
    t.equal(await planPayouts(world.db, RULES), 1, 'a day later')
    t.match(await payouts(world), [
      { amount: 1_200n, state: 'done' },
      { amount: 5_000n, state: 'planned' },
    ])
  },
)

t.test('what a seller owes is taken from the next payout', async (t) => {
  const world = await createWorld(t)
  const seller = randomUUID()
  await enable(world, seller)
  const first = await sell(world, seller, 5_000n)
  await planPayouts(world.db, RULES)
  await sendPayouts({ db: world.db, providers: [provider(() => undefined).it], log, metrics })
  await run(world, (tx) => postRefund(tx, { ...first, refundId: randomUUID(), amount: 4_000n }))
  t.equal(await balance(world, `seller:payable:${seller}`), 4_000n, 'the seller owes it')
  await letTimePass(world, 24 * HOUR_MS)
  await sell(world, seller, 3_000n)
  t.equal(await planPayouts(world.db, RULES), 0, 'less than what is owed')
  await sell(world, seller, 3_000n)
  t.equal(await planPayouts(world.db, RULES), 1)
  t.match(await payouts(world), [{ amount: 5_000n }, { amount: 2_000n }])
  t.same(await differences(world), [])
})

t.test('a payout whose answer was lost is looked at, and never paid twice', async (t) => {
  const world = await createWorld(t)
  const sellers = Array.from({ length: 12 }, () => randomUUID())
  for (const seller of sellers) {
    await enable(world, seller)
    await sell(world, seller, 5_000n)
  }
  // Of three calls one never arrives, and of another one the answer is lost.
  const bank = provider((_, call) => (['before', 'after', undefined] as const)[call % 3])
  const send = () => sendPayouts({ db: world.db, providers: [bank.it], log, metrics })
  t.equal(await planPayouts(world.db, RULES), 12)
  await waitFor('every payout to be paid', async () => {
    await Promise.all([send(), send(), send()])
    await letTimePass(world, HOUR_MS)
    return (await payouts(world)).every(({ state }) => state === 'done')
  })
  t.ok(bank.calls() > 12, 'some were sent again')
  t.same(
    [...bank.paid.values()],
    sellers.map(() => 5_000n),
  )
  t.equal(await balance(world, 'payout:in_transit'), 0n)
  t.equal(await balance(world, 'clearing:stripe'), 0n)
  t.same(await differences(world), [])
})

t.test('a process that dies after it paid leaves a payout that is looked at', async (t) => {
  const world = await createWorld(t)
  const seller = randomUUID()
  await enable(world, seller)
  await sell(world, seller, 5_000n)
  await planPayouts(world.db, RULES)
  const bank = provider(() => undefined)
  let isCalled = () => {}
  const called = new Promise<void>((resolve) => {
    isCalled = resolve
  })
  const dying: TransferProvider = {
    ...bank.it,
    async transfer(request, key) {
      await bank.it.transfer(request, key)
      isCalled()
      return new Promise(() => {})
    },
  }
  void sendPayouts({ db: world.db, providers: [dying], log, metrics })
  await called
  t.match(await payouts(world), [{ state: 'sending' }])
  const send = () => sendPayouts({ db: world.db, providers: [bank.it], log, metrics })
  t.equal(await send(), 0, 'not while the other one may still be at it')
  await letTimePass(world, 121_000)
  t.equal(await send(), 1)
  t.match(await payouts(world), [{ state: 'done' }])
  t.equal(bank.paid.get(seller), 5_000n)
})

t.test('what could not be paid is payable again, and paid with the next payout', async (t) => {
  const world = await createWorld(t)
  const seller = randomUUID()
  await enable(world, seller)
  await sell(world, seller, 5_000n)
  await planPayouts(world.db, RULES)
  const closed: TransferProvider = {
    name: 'stripe',
    payable: ({ amount }) => amount,
    transfer: async () => ({ kind: 'failed', code: 'account_closed' }),
    lookTransfer: async () => ({ kind: 'absent' }),
  }
  await sendPayouts({ db: world.db, providers: [closed], log, metrics })
  t.match(await payouts(world), [{ state: 'failed', code: 'account_closed' }])
  t.equal(await balance(world, `seller:payable:${seller}`), -5_000n)
  t.equal(await planPayouts(world.db, RULES), 0, 'not at once')
  await letTimePass(world, 24 * HOUR_MS)
  t.equal(await planPayouts(world.db, RULES), 1)
  t.same(await differences(world), [])
})

t.test('what becomes payable while a payout is planned is not forgotten', async (t) => {
  const world = await createWorld(t)
  const rules = { ...RULES, intervalMs: 0 }
  const seller = randomUUID()
  await enable(world, seller)
  const bank = provider(() => undefined)
  for (let round = 0; round < 15; round += 1) {
    await Promise.all([
      sell(world, seller, 1_000n),
      planPayouts(world.db, rules),
      sell(world, seller, 1_000n),
    ])
  }
  await waitFor('all of it to be paid', async () => {
    await planPayouts(world.db, rules)
    await sendPayouts({ db: world.db, providers: [bank.it], log, metrics })
    await letTimePass(world, HOUR_MS)
    return bank.paid.get(seller) === 30_000n
  })
  t.equal(await balance(world, `seller:payable:${seller}`), 0n)
  t.same(await differences(world), [])
})

t.test('a person pays by hand and says how it ended, with a fresh proof', async (t) => {
  const world = await createWorld(t)
  const now = Math.floor(Date.now() / 1_000)
  const admin = world.person({ roles: ['user', 'admin'], auth_time: now })
  const stale = world.person({ roles: ['user', 'admin'], auth_time: now - 700 })
  const seller = world.person()
  const put = (headers: { authorization: string }) =>
    world.app.inject({
      method: 'PUT',
      url: `/api/v1/billing/payout-accounts/${seller.id}`,
      headers,
      payload: { reference: 'creditor-17' },
    })
  t.equal((await put(seller.headers)).statusCode, 403)
  t.equal((await put(stale.headers)).json().code, 'payment.proof_required')
  t.equal((await put(admin.headers)).statusCode, 204)
  await sell(world, seller.id, 5_000n)
  await planPayouts(world.db, RULES)
  const [payout] = await payouts(world)
  const say = (headers: { authorization: string }, payload: object, id = payout?.id) =>
    world.app.inject({
      method: 'POST',
      url: `/api/v1/billing/payouts/${id}/outcome`,
      headers,
      payload,
    })
  const done = { outcome: 'done', reference: 'SEPA-4711' }
  t.equal((await say(seller.headers, done)).statusCode, 403)
  t.equal((await say(stale.headers, done)).json().code, 'payment.proof_required')
  t.equal((await say(admin.headers, done, randomUUID())).statusCode, 404)
  t.equal((await say(admin.headers, done)).statusCode, 204)
  t.equal((await say(admin.headers, { outcome: 'failed', code: 'late' })).statusCode, 409)
  const list = async (headers: { authorization: string }) =>
    (await world.app.inject({ url: '/api/v1/billing/payouts', headers })).json()
  t.match(await list(seller.headers), { payouts: [{ amount: '50.00', state: 'done' }] })
  t.same(await list(admin.headers), { payouts: [] }, 'not those of others')
  t.equal(await balance(world, 'clearing:manual'), -5_000n)
})

t.test('how a payout of a provider ends is not for a person to say', async (t) => {
  const world = await createWorld(t)
  const auth_time = Math.floor(Date.now() / 1_000)
  const { headers } = world.person({ roles: ['user', 'admin'], auth_time })
  const seller = randomUUID()
  await enable(world, seller)
  await sell(world, seller, 5_000n)
  await planPayouts(world.db, RULES)
  const [payout] = await payouts(world)
  const response = await world.app.inject({
    method: 'POST',
    url: `/api/v1/billing/payouts/${payout?.id}/outcome`,
    headers,
    payload: { outcome: 'done', reference: 'x' },
  })
  t.equal(response.json().code, 'payout.not_manual')
})
