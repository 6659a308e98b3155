import { randomUUID } from 'node:crypto'
import t from 'tap'
import { planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { completeOrder, postCapture, postRefund } from '#src/app/sales/sale-ledger.ts'
import { putPayoutAccount } from '#src/infra/postgres/payouts/accounts.ts'
import { createWorld, type Person, type World } from '#test/helper.ts'

const newSale = (sellerId: string, currencyCode: string, sellerGross: bigint) => ({
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
})

/** Posts in another month: the ledger itself cannot. */
async function moveEntries({ database }: World, orderId: string, to: string) {
  const client = await database.pool.connect()
  await client.query('set session_replication_role = replica')
  await client.query('update ledger_entries set posted_at = $2 where order_id = $1', [orderId, to])
  await client.query('set session_replication_role = default')
  client.release()
}

/** The month of the last entry; what was posted before its begin, while the test went on, is moved into it. */
async function monthOf({ database }: World): Promise<string> {
  const client = await database.pool.connect()
  await client.query('set session_replication_role = replica')
  const { rows } = await client.query<{ month: string }>(
    `with last as (select date_trunc('month', max(posted_at), 'UTC') as begins from ledger_entries)
     update ledger_entries set posted_at = greatest(posted_at, begins) from last
     returning to_char(begins at time zone 'UTC', 'YYYY-MM') as month`,
  )
  await client.query('set session_replication_role = default')
  client.release()
  return rows[0]?.month ?? ''
}

const get = async ({ app }: World, { headers }: Person, url: string) => {
  const response = await app.inject({ url: `/api/v1/billing/statements/${url}`, headers })
  return {
    status: response.statusCode,
    text: response.body,
    type: response.headers['content-type'],
  }
}

t.test('a statement has what was owed before, every change, and what is owed after', async (t) => {
  const world = await createWorld(t)
  const [ann, ben] = [world.person(), world.person()]
  const old = newSale(ann.id, 'EUR', 2_000n)
  const sale = newSale(ann.id, 'EUR', 5_000n)
  await world.db.transaction().execute(async (tx) => {
    await postCapture(tx, old, undefined)
    await postCapture(tx, sale, undefined)
    await postCapture(tx, newSale(ann.id, 'JPY', 700n), undefined)
    await postCapture(tx, newSale(ben.id, 'EUR', 9_999n), undefined)
  })
  await world.db.transaction().execute(async (tx) => {
    await postRefund(tx, { ...sale, refundId: randomUUID(), amount: 1_000n })
    await completeOrder(tx, sale.orderId, new Date())
    const account = {
      sellerId: ann.id,
      provider: 'stripe',
      reference: 'a',
      state: 'enabled',
    } as const
    await putPayoutAccount(tx, account)
  })
  await planPayouts(world.db, { minimumOf: () => 1n, intervalMs: 1 })
  const month = await monthOf(world)
  await moveEntries(world, old.orderId, '2026-01-31T23:59:59.999Z')
  const { status, text } = await get(world, ann, month)
  t.equal(status, 200)
  const statement = JSON.parse(text)
  t.same(statement.totals, [
    {
      currencyCode: 'EUR',
      openingPending: '20.00',
      openingPayable: '0.00',
      closingPending: '20.00',
      closingPayable: '0.00',
    },
    {
      currencyCode: 'JPY',
      openingPending: '0',
      openingPayable: '0',
      closingPending: '700',
      closingPayable: '0',
    },
  ])
  const lines = statement.lines.map((line: Record<string, string>) =>
    [line.kind, line.currencyCode, line.pending, line.payable].join(' '),
  )
  t.same(lines, [
    'capture EUR 50.00 0.00',
    'capture JPY 700 0',
    'refund EUR -10.00 0.00',
    'release EUR -40.00 40.00',
    'payout_sent EUR 0.00 -40.00',
  ])
  const january = JSON.parse((await get(world, ann, '2026-01')).text)
  t.match(january.lines, [{ kind: 'capture', pending: '20.00', orderId: old.orderId }])
  t.match(january.totals, [{ openingPending: '0.00', closingPending: '20.00' }])
  t.same(JSON.parse((await get(world, ann, '2026-02')).text).lines, [])
})

t.test('pages of a statement and its CSV have every line once', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  for (let index = 0; index < 7; index += 1) {
    await world.db
      .transaction()
      .execute((tx) => postCapture(tx, newSale(ann.id, 'EUR', 100n + BigInt(index)), undefined))
  }
  const month = await monthOf(world)
  const seen: string[] = []
  let cursor = ''
  do {
    const { text } = await get(world, ann, `${month}?limit=3${cursor && `&cursor=${cursor}`}`)
    const page = JSON.parse(text)
    seen.push(...page.lines.map((line: { pending: string }) => line.pending))
    cursor = page.nextCursor ?? ''
  } while (cursor !== '')
  t.same(seen, ['1.00', '1.01', '1.02', '1.03', '1.04', '1.05', '1.06'])
  const { status, text, type } = await get(world, ann, `${month}/lines.csv`)
  t.equal(status, 200)
  t.equal(type, 'text/csv; charset=utf-8; header=present')
  const [head, ...lines] = text.split('\r\n')
  t.equal(head, 'at,kind,orderId,currencyCode,pending,payable')
  t.equal(lines.length, 8, 'seven lines and the end of the last one')
  t.match(lines[6], /^20\d\d-.+Z,capture,[0-9a-f-]{36},EUR,1\.06,0\.00$/)
})

t.test('a month that is none, or has not begun, has no statement', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  for (const month of ['2026-13', '2026-00', '2026-7', 'x']) {
    t.equal((await get(world, ann, month)).status, 400, month)
  }
  t.equal((await get(world, ann, '2999-01')).status, 404)
  t.equal((await get(world, ann, '0000-01')).status, 200)
})
