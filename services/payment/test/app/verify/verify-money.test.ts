import { randomUUID } from 'node:crypto'
import t from 'tap'
import { issueInvoices } from '#src/app/invoices/issue-invoices.ts'
import { sealEntries } from '#src/app/ledger/seal-entries.ts'
import {
  completeOrder,
  postCapture,
  postCaptureInVain,
  postRefund,
} from '#src/app/sales/sale-ledger.ts'
import { type LedgerHead, verifyMoney } from '#src/app/verify/verify-money.ts'
import { createWorld, type World } from '#test/helper.ts'

async function verify({ db }: World, noted?: LedgerHead) {
  const differences: string[] = []
  // Pages of two: every case is on more than one.
  const verdict = await verifyMoney(db, { noted, page: 2, report: (one) => differences.push(one) })
  return { ...verdict, differences }
}

function newSale() {
  return {
    paymentId: randomUUID(),
    orderId: randomUUID(),
    itemId: randomUUID(),
    sellerId: randomUUID(),
    buyerId: randomUUID(),
    provider: 'stripe',
    currencyCode: 'EUR',
    sellerGross: 10_000n,
    premium: 500n,
    categoryIds: [],
  }
}

async function trade(world: World, count: number) {
  const sales = Array.from({ length: count }, newSale)
  await world.db.transaction().execute(async (tx) => {
    for (const [index, sale] of sales.entries()) {
      await postCapture(tx, sale, undefined)
      if (index % 2 === 0) {
        await postRefund(tx, { ...sale, refundId: randomUUID(), amount: 3_333n })
        await completeOrder(tx, sale.orderId, new Date())
      }
    }
    await postCaptureInVain(tx, newSale())
  })
  // An entry without a seal is a difference after a minute, which a busy machine may take.
  await byForce(
    world,
    `update ledger_entries set posted_at = posted_at + interval '1 hour'
     where id in (select entry_id from unsealed_entries)`,
  )
  return sales
}

/** What only a session with the rights of the database's owner can do. */
async function byForce({ database }: World, statement: string, values: unknown[] = []) {
  const client = await database.pool.connect()
  try {
    await client.query(`set session_replication_role = replica`)
    await client.query(statement, values)
  } finally {
    await client.query(`set session_replication_role = default`)
    client.release()
  }
}

t.test('a ledger that was only ever posted to has no differences, sealed or not', async (t) => {
  const world = await createWorld(t)
  t.match(await verify(world), { entries: 0n, sales: 0n, differences: [] })
  await trade(world, 5)
  t.match(await verify(world), { entries: 12n, sales: 5n, differences: [], head: { count: 0n } })
  await sealEntries(world.db)
  const first = await verify(world)
  t.match(first, { entries: 12n, sales: 5n, differences: [], head: { count: 12n } })
  await trade(world, 1)
  await sealEntries(world.db)
  t.same((await verify(world, first.head)).differences, [], 'a head that was noted is still in it')
})

t.test('every change behind the back of the ledger is named', async (t) => {
  const cases: [title: string, statement: string, difference: RegExp][] = [
    [
      'an amount',
      `update ledger_postings set amount = amount + 1 where entry_id = 3 and line = 1`,
      /^entry .+: differs from its seal 3\nentry .+: adds up to 1 EUR/,
    ],
    [
      'two amounts that still add up',
      `update ledger_postings set amount = amount + case line when 1 then 1 else -1 end
       where entry_id = 3 and line <= 2`,
      /^entry .+: differs from its seal 3/,
    ],
    [
      'an account',
      `update ledger_postings set account = 'provider:costs' where entry_id = 2 and line = 1`,
      /seal 2/,
    ],
    [
      'an instant',
      `update ledger_entries set posted_at = posted_at + interval '1 ms' where id = 4`,
      /seal 4/,
    ],
    ['the order', `update ledger_entries set order_id = gen_random_uuid() where id = 1`, /seal 1/],
    [
      'a posting that is gone',
      `delete from ledger_postings where entry_id = 1 and line = 3`,
      /2 postings of 3/,
    ],
    ['a seal that is gone', `delete from ledger_seals where sequence = 5`, /^seal 5: missing/],
    [
      'a seal with its entry',
      `with s as (delete from ledger_seals where sequence = 5 returning entry_id)
       delete from ledger_entries where id in (select entry_id from s)`,
      /^seal 5: missing/,
    ],
  ]
  for (const [title, statement, difference] of cases) {
    const world = await createWorld(t)
    await trade(world, 4)
    await sealEntries(world.db)
    await byForce(world, statement)
    const { differences } = await verify(world)
    t.match(differences.join('\n'), difference, title)
  }
})

t.test(
  'an end that was cut off, or a chain made once more, shows by a head that was noted',
  async (t) => {
    const world = await createWorld(t)
    await trade(world, 2)
    await sealEntries(world.db)
    const { head } = await verify(world)
    await byForce(world, `delete from ledger_seals where sequence = ${head.count}`)
    t.match((await verify(world, head)).differences, [/missing; there were \d+ once/])
    await sealEntries(world.db)
    t.match((await verify(world, head)).differences, [/missing; there were/])
  },
)

t.test('an entry that has had no seal for a minute is named', async (t) => {
  const world = await createWorld(t)
  await trade(world, 1)
  await byForce(
    world,
    `update ledger_entries set posted_at = date_trunc('ms', clock_timestamp()) - interval '61 s'
     where id = 1`,
  )
  t.match((await verify(world)).differences, [/^entry capture:.+: has no seal$/])
})

t.test('sales and captures are compared both ways', async (t) => {
  const world = await createWorld(t)
  const [first, second, third, fourth] = await trade(world, 4)
  if (!first || !second || !third || !fourth) throw new Error('no sales')
  const change = (set: string, { orderId }: { orderId: string }) =>
    byForce(world, `update sales set ${set} where order_id = $1`, [orderId])
  await change('commission = 7', first)
  await change('seller_gross = 9000', second)
  await change('completed_at = null', third)
  await change('completed_at = now()', fourth)
  const { differences } = await verify(world)
  t.equal(differences.length, 4)
  const of = ({ orderId }: { orderId: string }) => differences.find((one) => one.includes(orderId))
  t.match(of(first), /commission is 7, but 0 in the ledger/)
  t.match(of(second), /paid is 9500, but 10500 in the ledger/)
  t.match(of(third), /payable before the order is completed/)
  t.match(of(fourth), /completed, but 10000 still pending/)
  await byForce(world, 'delete from sales where order_id = $1', [second.orderId])
  await byForce(world, 'update sales set payment_id = gen_random_uuid() where order_id = $1', [
    fourth.orderId,
  ])
  const more = (await verify(world)).differences.join('\n')
  t.match(more, new RegExp(`entry capture:.+:${second.orderId}: there is no sale of it`))
  t.match(more, new RegExp(`sale .+:${fourth.orderId}: its capture was not posted`))
})

t.test('an account on its wrong side is named', async (t) => {
  const world = await createWorld(t)
  await world.post({
    key: 'by mistake',
    kind: 'correction',
    postings: [
      { account: 'refund:due', currencyCode: 'EUR', amount: 5n },
      { account: 'dispute:held', currencyCode: 'EUR', amount: -5n },
    ],
  })
  await sealEntries(world.db)
  t.same((await verify(world)).differences, [
    'account dispute:held: -5 EUR is on the wrong side',
    'account refund:due: 5 EUR is on the wrong side',
  ])
})

t.test('a gap in the numbers, a changed invoice and a forgotten one are named', async (t) => {
  const world = await createWorld(t)
  await trade(world, 5)
  const { rows } = await world.database.pool.query(
    `select e.key, e.id from invoice_tasks t join ledger_entries e on e.id = t.entry_id order by e.id desc limit 1`,
  )
  await world.database.pool.query('delete from invoice_tasks where entry_id = $1', [rows[0].id])
  await issueInvoices(world.db, { name: 'Auction', address: '', taxId: '' })
  t.same((await verify(world)).differences, [`entry ${rows[0].key}: has no invoice`])
  await byForce(
    world,
    `update invoices set snapshot = snapshot || ' ' where series = 'premium' and number = 1`,
  )
  await byForce(world, `delete from invoices where series = 'premium' and number = 3`)
  await byForce(world, `update invoice_series set last_number = 9 where series = 'premium_credit'`)
  const differences = (await verify(world)).differences.join('\n')
  t.match(differences, /^invoice premium 1: differs from its digest$/m)
  t.match(differences, /^invoices premium: 3 is missing$/m)
  t.match(differences, /^invoices premium_credit: end at \d, but 9 were given$/m)
})
