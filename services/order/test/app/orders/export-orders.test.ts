import { randomUUID } from 'node:crypto'
import t from 'tap'
import { describeOrders } from '#src/infra/postgres/items/item-names.ts'
import { createWorld, paidOrder, type World } from '#test/helper.ts'

const BOM = '\ufeff'

async function download({ app, identity }: World, userId: string, query = '') {
  const answer = await app.inject({
    url: `/api/v1/orders/export.csv${query}`,
    headers: { authorization: `Bearer ${identity.token(userId)}` },
  })
  const [head, ...lines] = answer.body.split('\r\n').filter((line) => line !== '')
  return { status: answer.statusCode, headers: answer.headers, head, lines, text: answer.body }
}

t.test(
  'buyers and sellers download what they bought and sold, and nothing of others',
  async (t) => {
    const world = await createWorld(t)
    const [buyerId, sellerId] = [randomUUID(), randomUUID()]
    const paid = await paidOrder(world, { buyerId, sellerId })
    const open = await world.win({ buyerId, sellerId })
    const sold = await world.win({ sellerId: buyerId })
    await world.win()
    const bought = await download(world, buyerId)
    t.equal(bought.status, 200)
    t.match(bought.headers, {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="bought.csv"',
      'cache-control': 'no-store',
    })
    t.ok(bought.head?.startsWith(`${BOM}id,itemId,itemName,role,state,`))
    t.same(
      bought.lines.map((line) => line.split(',').slice(0, 5)),
      [
        [open.id, open.itemId, '', 'buyer', 'pending_payment'],
        [paid.id, paid.itemId, '', 'buyer', 'paid'],
      ],
    )
    t.ok(bought.lines[1]?.includes(',won,USD,18.50,'))
    const sellers = await download(world, buyerId, '?role=seller')
    t.match(sellers.headers, { 'content-disposition': 'attachment; filename="sold.csv"' })
    t.same(
      sellers.lines.map((line) => line.split(',')[0]),
      [sold.id],
    )
    const byState = await download(world, buyerId, '?state=paid')
    t.same(
      byState.lines.map((line) => line.split(',')[0]),
      [paid.id],
    )
    t.equal((await download(world, randomUUID())).lines.length, 0, 'a header alone')
  },
)

t.test('a name is one cell and no formula, whatever its seller wrote', async (t) => {
  const world = await createWorld(t)
  const buyerId = randomUUID()
  const names = ['=HYPERLINK("http://evil.example")', '-1+1', 'A "lamp", of brass;\nold', 'A lamp']
  const orders = []
  for (const name of names) {
    const order = await world.win({ buyerId })
    await describeOrders(world.db, [{ ...order, name, categoryIds: [] }])
    orders.push(order)
  }
  const { text } = await download(world, buyerId)
  t.ok(text.includes(`,"'=HYPERLINK(""http://evil.example"")",buyer,`))
  t.ok(text.includes(`,'-1+1,buyer,`))
  t.ok(text.includes(`,"A ""lamp"", of brass;\nold",buyer,`))
  t.ok(text.includes(',A lamp,buyer,'))
})

t.test('a file is of any length, each order once', async (t) => {
  const world = await createWorld(t)
  const buyerId = randomUUID()
  // More than a page.
  await world.database.pool.query(
    `insert into orders (id, item_id, round, unit, seller_id, buyer_id, source, item_name, currency_code, amount,
       premium, state, won_at, due_at, cancel_at, sequence)
     select gen_random_uuid(), gen_random_uuid(), 1, 1, gen_random_uuid(), $1, 'won', 'A lamp', 'EUR', 1850, 0,
       'pending_payment', now(), now() + interval '1 day', now() + interval '2 days', 1
     from generate_series(1, 1203)`,
    [buyerId],
  )
  const { lines, text } = await download(world, buyerId)
  t.equal(new Set(lines.map((line) => line.split(',')[0])).size, 1_203)
  t.equal(lines.length, 1_203)
  t.equal(text.split(BOM).length, 2, 'it begins once')
})
