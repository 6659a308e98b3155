import { randomUUID } from 'node:crypto'
import { NEXT_PATH } from '@auction/common/contracts/item-summaries.ts'
import t from 'tap'
import { issueInvoices, renderInvoices } from '#src/app/invoices/issue-invoices.ts'
import { postCapture, postRefund, postRefundFailed } from '#src/app/sales/sale-ledger.ts'
import { sha256 } from '#src/infra/crypto/snapshot-digest.ts'
import { renderInvoice } from '#src/infra/pdf/render-invoice.ts'
import { nextNumber } from '#src/infra/postgres/invoices/invoices.ts'
import { begin, lookNow, type PaymentBody, until } from '#test/app/payments/buyer.ts'
import { freshly, refund, seller } from '#test/app/payments/refunds.ts'
import { differences } from '#test/app/payouts/payee.ts'
import { createWorld, type Person, type World } from '#test/helper.ts'
import { payOnPage } from '#test/infra/stripe/sandbox.ts'

const ISSUER = { name: 'Müzayede A.Ş. Ωмега', address: 'Sokak 1\nİstanbul', taxId: 'TR-4711' }

/** 10 % commission with 19 % tax on top, and 19 % in the premium. */
async function createTrade(t: Parameters<typeof createWorld>[0]) {
  const world = await createWorld(t)
  await world.database.pool.query(
    `insert into commission_rates (id, basis_points, valid_from, created_at, created_by)
     values (gen_random_uuid(), 1000, now() - interval '1 day', now() - interval '1 day', gen_random_uuid());
     insert into tax_rates (id, jurisdiction, kind, basis_points, valid_from, created_at, created_by)
     select gen_random_uuid(), 'DE', kind, 1900, now() - interval '1 day', now() - interval '1 day', gen_random_uuid()
     from (values ('commission'), ('premium')) as k (kind)`,
  )
  const [seller, buyer] = [world.person(), world.person()]
  const capture = async () => {
    const sale = {
      paymentId: randomUUID(),
      orderId: randomUUID(),
      itemId: randomUUID(),
      sellerId: seller.id,
      buyerId: buyer.id,
      provider: 'stripe',
      currencyCode: 'EUR',
      sellerGross: 10_000n,
      premium: 1_190n,
      categoryIds: [],
    }
    await world.db.transaction().execute((tx) => postCapture(tx, sale, 'DE'))
    return sale
  }
  return { world, seller, buyer, capture }
}

async function get({ app }: World, { headers }: Person, path = '') {
  const response = await app.inject({ url: `/api/v1/billing/invoices${path}`, headers })
  return response
}

async function numbers({ database }: World): Promise<Record<string, bigint[]>> {
  const { rows } = await database.pool.query<{ series: string; numbers: bigint[] }>(
    'select series, array_agg(number order by number) as numbers from invoices group by series',
  )
  return Object.fromEntries(rows.map((row) => [row.series, row.numbers.map(BigInt)]))
}

t.test(
  'a capture is invoiced to the seller and to the buyer, each sees only the own',
  async (t) => {
    const { world, seller, buyer, capture } = await createTrade(t)
    const sale = await capture()
    t.equal(await issueInvoices(world.db, ISSUER), 1)
    const [ofSeller, ofBuyer] = [
      (await get(world, seller)).json().invoices,
      (await get(world, buyer)).json().invoices,
    ]
    t.match(ofSeller, [
      {
        number: 'C-000001',
        kind: 'invoice',
        net: '10.00',
        tax: '1.90',
        gross: '11.90',
        orderId: sale.orderId,
      },
    ])
    t.match(ofBuyer, [{ number: 'P-000001', net: '10.00', tax: '1.90', gross: '11.90' }])
    const [{ id }] = ofSeller
    const own = (await get(world, seller, `/${id}`)).json()
    t.match(own, {
      issuer: ISSUER,
      taxBasisPoints: 1_900,
      taxReason: 'standard',
      hasDocument: false,
    })
    for (const path of [`/${id}`, `/${id}/document.pdf`]) {
      t.equal((await get(world, buyer, path)).json().code, 'invoice.not_found', path)
    }
  },
)

t.test('sales of different categories are invoiced by their own rates, also later', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const admin = world.person({ roles: ['user', 'admin'], auth_time: freshly() })
  const [watches, jewellery, lamps] = [randomUUID(), randomUUID(), randomUUID()]
  const rate = async (payload: object) => {
    const url = '/api/v1/billing/commission-rates'
    const { statusCode } = await world.app.inject({
      method: 'POST',
      url,
      headers: admin.headers,
      payload,
    })
    t.equal(statusCode, 201)
  }
  const bounds = { currencyCode: 'EUR', minAmount: '2.00', maxAmount: '12.00' }
  await rate({ basisPoints: 1_000 })
  await rate({ basisPoints: 500, categoryId: lamps })
  await rate({ basisPoints: 1_500, categoryId: jewellery, ...bounds })
  const dear = { amount: '100.00', total: '100.00' }
  const cheap = { amount: '5.00', total: '5.00' }
  const sold = [
    [{ ...dear, categoryIds: [watches, jewellery] }, 'at most', '12.00'],
    [{ ...cheap, categoryIds: [watches, jewellery] }, 'at least', '2.00'],
    [{ ...dear, categoryIds: [lamps, NEXT_PATH, jewellery] }, 'the dearest', '12.00'],
    [{ ...cheap, categoryIds: [lamps] }, 'of another', '0.25'],
    [{ ...cheap, categoryIds: [] }, 'of none', '0.50'],
  ] as const
  const orders = sold.map(([order]) =>
    world.orders.add(buyer.id, { ...order, categoryIds: [...order.categoryIds] }),
  )
  const payment: PaymentBody = (
    await begin(
      world,
      buyer,
      orders.map(({ orderId }) => orderId),
    )
  ).json()
  await payOnPage(payment.next.url ?? '')
  await until(world, buyer, payment.id, 'captured')
  // Before anything is invoiced or given back.
  await rate({ basisPoints: 3_000 })
  await rate({ basisPoints: 4_000, categoryId: watches })
  const [first] = orders
  const moderator = world.person({ roles: ['user', 'moderator'], auth_time: freshly() })
  const given = { orderId: first?.orderId ?? '', amount: '50.00' }
  await refund(world, moderator, payment.id, given)
  await lookNow(world)
  t.equal(await issueInvoices(world.db, ISSUER), 6)
  const { invoices } = (await get(world, seller(world))).json() as {
    invoices: { orderId: string; kind: string; net: string }[]
  }
  const netOf = (kind: string, id = '') =>
    invoices.filter((one) => one.kind === kind && one.orderId === id).map(({ net }) => net)
  for (const [index, [, title, net]] of sold.entries())
    t.same(netOf('invoice', orders[index]?.orderId), [net], title)
  t.same(netOf('credit_note', first?.orderId), ['6.00'], 'the half of it')
  t.same(await differences(world), [])
})

t.test('the invoices of one order are found by it', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const paid = async () => {
    const order = world.orders.add(buyer.id, { amount: '10.00', premium: '1.50', total: '11.50' })
    const payment: PaymentBody = (await begin(world, buyer, [order.orderId])).json()
    await payOnPage(payment.next.url ?? '')
    await until(world, buyer, payment.id, 'captured')
    return order.orderId
  }
  const [first, second] = [await paid(), await paid()]
  t.equal(await issueInvoices(world.db, ISSUER), 2)
  const orders = async (person: Person, query: string) =>
    (await get(world, person, query))
      .json()
      .invoices.map(({ orderId }: { orderId: string }) => orderId)
  t.same(await orders(buyer, ''), [second, first])
  t.same(await orders(buyer, `?orderId=${first}`), [first])
  t.same(await orders(buyer, `?orderId=${randomUUID()}`), [])
  t.same(await orders(world.person(), `?orderId=${first}`), [])
})

t.test(
  'what is given back is a credit note; what was not given after all, an invoice',
  async (t) => {
    const { world, seller, buyer, capture } = await createTrade(t)
    const sale = await capture()
    const refund = { ...sale, refundId: randomUUID(), amount: 5_595n }
    const run = <T>(work: (tx: Parameters<typeof postRefund>[0]) => Promise<T>) =>
      world.db.transaction().execute(work)
    await run((tx) => postRefund(tx, refund))
    await run((tx) => postRefundFailed(tx, refund))
    await run((tx) => postRefund(tx, { ...sale, refundId: randomUUID(), amount: 11_190n }))
    t.equal(await issueInvoices(world.db, ISSUER), 4)
    for (const [person, prefix] of [
      [seller, ['CC-000002', 'C-000002', 'CC-000001', 'C-000001']],
      [buyer, ['PC-000002', 'P-000002', 'PC-000001', 'P-000001']],
    ] as const) {
      const { invoices } = (await get(world, person)).json()
      t.same(
        invoices.map(({ number }: { number: string }) => number),
        prefix,
      )
      t.same(
        invoices.map(({ gross }: { gross: string }) => gross),
        ['11.90', '5.95', '5.95', '11.90'],
      )
      t.equal(invoices[0].corrects, prefix[3])
    }
  },
)

t.test(
  'numbers have no gap and no invoice is issued twice, with many workers and rollbacks',
  async (t) => {
    const { world, capture } = await createTrade(t)
    for (let index = 0; index < 40; index += 1) await capture()
    const failing = async (index: number) => {
      await world.db
        .transaction()
        .execute(async (tx) => {
          await nextNumber(tx, 'commission')
          await nextNumber(tx, 'premium')
          throw new Error(`rollback ${index}`)
        })
        .catch(() => {})
    }
    const work = Array.from({ length: 8 }, (_, index) =>
      index % 2 === 0 ? issueInvoices(world.db, ISSUER, 3) : failing(index),
    )
    await Promise.all(work)
    await issueInvoices(world.db, ISSUER)
    const expected = Array.from({ length: 40 }, (_, index) => BigInt(index + 1))
    t.same(await numbers(world), { commission: expected, premium: expected })
    t.equal(await issueInvoices(world.db, ISSUER), 0)
  },
)

t.test('an invoice is never changed, and its digest is that of what it says', async (t) => {
  const { world, capture } = await createTrade(t)
  await capture()
  await issueInvoices(world.db, ISSUER)
  for (const change of [
    'update invoices set net = 1',
    'delete from invoices',
    'truncate invoices cascade',
  ]) {
    await t.rejects(world.database.pool.query(change), /never changed/, change)
  }
  const { rows } = await world.database.pool.query('select snapshot, sha256 from invoices')
  t.equal(rows.length, 2)
  for (const { snapshot, sha256: stored } of rows) t.ok(sha256(snapshot).equals(stored))
})

t.test(
  'the document of an invoice is made once, the same bytes each time, in every script',
  async (t) => {
    const { world, seller, capture } = await createTrade(t)
    await capture()
    await issueInvoices(world.db, ISSUER)
    const [{ id }] = (await get(world, seller)).json().invoices
    t.equal((await get(world, seller, `/${id}/document.pdf`)).json().code, 'invoice.not_rendered')
    const rendered = await Promise.all([renderInvoices(world.db), renderInvoices(world.db)])
    t.equal(rendered[0] + rendered[1], 2)
    const response = await get(world, seller, `/${id}/document.pdf`)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['content-type'], 'application/pdf')
    const pdf = response.rawPayload
    t.equal(pdf.subarray(0, 5).toString(), '%PDF-')
    const { rows } = await world.database.pool.query(
      'select snapshot from invoices where id = $1',
      [id],
    )
    t.ok((await renderInvoice(JSON.parse(rows[0].snapshot))).equals(pdf), 'the same bytes again')
    t.ok(pdf.includes('DejaVuSans'), 'with a font of its own')
  },
)

t.test(
  'a credit note that comes before its invoice waits for it, and stops no other',
  async (t) => {
    const { world, seller, capture } = await createTrade(t)
    const { pool } = world.database
    const sale = await capture()
    const { rows } = await pool.query('delete from invoice_tasks returning entry_id')
    await world.db
      .transaction()
      .execute((tx) => postRefund(tx, { ...sale, refundId: randomUUID(), amount: 11_190n }))
    await capture()
    t.equal(await issueInvoices(world.db, ISSUER), 1)
    t.same(await numbers(world), { commission: [1n], premium: [1n] }, 'its numbers are given back')
    t.equal(await issueInvoices(world.db, ISSUER), 0, 'it is not due again at once')
    t.match((await pool.query('select failures, problem from invoice_tasks')).rows, [
      { failures: 1, problem: /corrects no invoice/ },
    ])
    await pool.query('insert into invoice_tasks (entry_id) values ($1)', [rows[0].entry_id])
    await pool.query('update invoice_tasks set due_at = clock_timestamp()')
    t.equal(await issueInvoices(world.db, ISSUER), 2)
    t.same(
      (await get(world, seller)).json().invoices.map(({ number }: { number: string }) => number),
      ['CC-000001', 'C-000002', 'C-000001'],
    )
    t.equal((await pool.query('select from invoice_tasks')).rowCount, 0)
  },
)
