import { randomUUID } from 'node:crypto'
import t from 'tap'
import {
  type CapturedSale,
  completeOrder,
  postCapture,
  postCaptureInVain,
  postDisputeDecided,
  postDisputeOpened,
  postRefund,
  postRefundFailed,
  postRefundPaid,
  postReturnInVain,
  readSale,
} from '#src/app/sales/sale-ledger.ts'
import { createWorld, type World } from '#test/helper.ts'

function sale(changes: Partial<CapturedSale> = {}): CapturedSale {
  return {
    paymentId: randomUUID(),
    orderId: randomUUID(),
    itemId: randomUUID(),
    sellerId: randomUUID(),
    buyerId: randomUUID(),
    provider: 'stripe',
    currencyCode: 'EUR',
    sellerGross: 10_000n,
    premium: 0n,
    categoryIds: [],
    ...changes,
  }
}

type Work<T> = (tx: Parameters<typeof postCapture>[0]) => Promise<T>

const run = <T>({ db }: World, work: Work<T>) => db.transaction().execute(work)

async function world(t: Parameters<typeof createWorld>[0]): Promise<World> {
  const made = await createWorld(t)
  // As if an operator had set it yesterday.
  await made.database.pool.query(
    `insert into commission_rates (id, basis_points, valid_from, created_at, created_by)
     values (gen_random_uuid(), 1000, now() - interval '1 day', now() - interval '1 day', gen_random_uuid())`,
  )
  return made
}

async function sums({ database }: World): Promise<Record<string, bigint>> {
  const { rows } = await database.pool.query<{ account: string; amount: bigint }>(
    `select regexp_replace(account, ':[0-9a-f-]{36}$', '') as account, sum(amount)::bigint as amount
     from ledger_postings group by 1 having sum(amount) <> 0`,
  )
  return Object.fromEntries(rows.map(({ account, amount }) => [account, amount]))
}

t.test(
  'a capture is posted once with the commission of its instant, by any number of workers',
  async (t) => {
    const w = await world(t)
    const one = sale()
    const posted = await Promise.all(
      Array.from({ length: 10 }, () => run(w, (tx) => postCapture(tx, one, undefined))),
    )
    t.equal(posted.filter(Boolean).length, 1)
    t.same(await sums(w), {
      'clearing:stripe': 10_000n,
      'seller:pending': -9_000n,
      'platform:commission': -1_000n,
    })
    const { rows } = await w.database.pool.query('select * from sales')
    t.match(rows, [{ commission: 1_000n, commission_basis_points: 1_000, premium_tax: 0n }])
  },
)

t.test('a rate that is changed later does not change what was captured', async (t) => {
  const w = await world(t)
  const one = sale()
  await run(w, (tx) => postCapture(tx, one, undefined))
  await w.database.pool.query(
    `insert into commission_rates (id, basis_points, valid_from, created_by)
     values (gen_random_uuid(), 5000, clock_timestamp() + interval '1 ms', gen_random_uuid())`,
  )
  t.equal(await run(w, (tx) => postCapture(tx, one, undefined)), false)
  await run(w, (tx) => postRefund(tx, { ...one, refundId: randomUUID(), amount: 10_000n }))
  t.same(await sums(w), { 'clearing:stripe': 10_000n, 'refund:due': -10_000n })
})

t.test(
  '50 refunds at once are never more than what was captured, and return every unit',
  async (t) => {
    const w = await world(t)
    const one = sale({ sellerGross: 1_003n })
    await run(w, (tx) => postCapture(tx, one, undefined))
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, () =>
        run(w, (tx) => postRefund(tx, { ...one, refundId: randomUUID(), amount: 59n })),
      ),
    )
    const refused = results.filter((result) => result.status === 'rejected')
    t.equal(refused.length, 33)
    for (const { reason } of refused) t.ok(reason instanceof RangeError, String(reason))
    t.match(await run(w, (tx) => readSale(tx, one)), { undone: 1_003n, pending: 0n, payable: 0n })
    t.same(await sums(w), { 'clearing:stripe': 1_003n, 'refund:due': -1_003n })
  },
)

t.test('one refund that is reported by many is one refund, also after others', async (t) => {
  const w = await world(t)
  const one = sale()
  await run(w, (tx) => postCapture(tx, one, undefined))
  const first = { ...one, refundId: randomUUID(), amount: 333n }
  const again = () => run(w, (tx) => postRefund(tx, first))
  const posted = await Promise.all(Array.from({ length: 10 }, again))
  t.equal(posted.filter(Boolean).length, 1)
  await run(w, (tx) => postRefund(tx, { ...one, refundId: randomUUID(), amount: 334n }))
  t.equal(await again(), false)
  t.match(await run(w, (tx) => readSale(tx, one)), { undone: 667n })
  t.equal(await run(w, (tx) => postRefundPaid(tx, first)), true)
  t.equal(await run(w, (tx) => postRefundPaid(tx, first)), false)
  t.match(await sums(w), { 'clearing:stripe': 9_667n, 'refund:due': -334n })
})

t.test('a refund that fails after the order was completed makes its money payable', async (t) => {
  const w = await world(t)
  const one = sale()
  const refund = { ...one, refundId: randomUUID(), amount: 5_000n }
  await run(w, (tx) => postCapture(tx, one, undefined))
  await run(w, (tx) => postRefund(tx, refund))
  await run(w, (tx) => completeOrder(tx, one.orderId, new Date()))
  t.match(await run(w, (tx) => readSale(tx, one)), { pending: 0n, payable: 4_500n })
  t.equal(await run(w, (tx) => postRefundFailed(tx, refund)), true)
  t.equal(await run(w, (tx) => postRefundFailed(tx, refund)), false)
  t.match(await run(w, (tx) => readSale(tx, one)), { pending: 0n, payable: 9_000n, undone: 0n })
})

t.test('an order is completed once, and not while a dispute holds its money', async (t) => {
  const w = await world(t)
  const [paid, disputed] = [sale(), sale()]
  for (const one of [paid, disputed]) await run(w, (tx) => postCapture(tx, one, undefined))
  const dispute = { ...disputed, disputeId: randomUUID(), amount: 10_000n }
  await run(w, (tx) => postDisputeOpened(tx, { ...dispute, fee: 1_500n }))
  for (const { orderId } of [paid, disputed, paid]) {
    await run(w, (tx) => completeOrder(tx, orderId, new Date()))
  }
  t.match(await run(w, (tx) => readSale(tx, paid)), { pending: 0n, payable: 9_000n, releases: 1 })
  t.match(await run(w, (tx) => readSale(tx, disputed)), { pending: 9_000n, payable: 0n })
  await run(w, (tx) => postDisputeDecided(tx, { ...dispute, isWon: true }))
  t.match(await run(w, (tx) => readSale(tx, disputed)), { pending: 0n, payable: 9_000n })
})

t.test('completion and a refund at once end the same in either order', async (t) => {
  const w = await world(t)
  for (let round = 0; round < 20; round += 1) {
    const one = sale()
    await run(w, (tx) => postCapture(tx, one, undefined))
    await Promise.all([
      run(w, (tx) => completeOrder(tx, one.orderId, new Date())),
      run(w, (tx) => postRefund(tx, { ...one, refundId: randomUUID(), amount: 3_333n })),
    ])
    const state = await run(w, (tx) => readSale(tx, one))
    t.match(state, { undone: 3_333n, pending: 0n, payable: 6_000n })
  }
})

t.test('money that no order wants is owed to the buyer until it is returned', async (t) => {
  const w = await world(t)
  const one = sale()
  t.equal(await run(w, (tx) => postCaptureInVain(tx, one)), true)
  t.equal(await run(w, (tx) => postCaptureInVain(tx, one)), false)
  t.same(await sums(w), { 'clearing:stripe': 10_000n, 'refund:due': -10_000n })
  await run(w, (tx) => postReturnInVain(tx, one))
  t.same(await sums(w), {})
  await t.rejects(
    run(w, (tx) => postRefund(tx, { ...one, refundId: randomUUID(), amount: 1n })),
    /no sale/,
  )
})
