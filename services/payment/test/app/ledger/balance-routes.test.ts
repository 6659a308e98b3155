import { randomUUID } from 'node:crypto'
import t from 'tap'
import { clearing, sellerPayable, sellerPending } from '#src/domain/accounts.ts'
import { createWorld, type Person, type World } from '#test/helper.ts'

async function balances({ app }: World, { headers }: Person) {
  const response = await app.inject({ url: '/api/v1/billing/balance', headers })
  t.equal(response.statusCode, 200)
  return response.json().balances
}

t.test(
  'a seller reads what is pending and payable in each currency, and nothing of others',
  async (t) => {
    const world = await createWorld(t)
    const [ann, ben] = [world.person(), world.person()]
    t.same(await balances(world, ann), [])
    const sale = (sellerId: string, currencyCode: string, amount: bigint) =>
      world.post({
        key: `capture:${randomUUID()}`,
        kind: 'capture',
        postings: [
          { account: clearing('stripe'), currencyCode, amount },
          { account: sellerPending(sellerId), currencyCode, amount: -amount },
        ],
      })
    await sale(ann.id, 'EUR', 1_850n)
    await sale(ann.id, 'EUR', 50n)
    await sale(ann.id, 'JPY', 700n)
    await sale(ben.id, 'EUR', 9_999n)
    await world.post({
      key: 'release:1',
      kind: 'release',
      postings: [
        { account: sellerPending(ann.id), currencyCode: 'EUR', amount: 1_850n },
        { account: sellerPayable(ann.id), currencyCode: 'EUR', amount: -1_850n },
      ],
    })
    t.same(await balances(world, ann), [
      { currencyCode: 'EUR', pending: '0.50', payable: '18.50' },
      { currencyCode: 'JPY', pending: '700', payable: '0' },
    ])
  },
)

t.test('what was paid out and is refunded then is owed by the seller: below zero', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  await world.post({
    key: 'refund:1',
    kind: 'refund',
    postings: [
      { account: sellerPayable(ann.id), currencyCode: 'KWD', amount: 1_005n },
      { account: 'refund:due', currencyCode: 'KWD', amount: -1_005n },
    ],
  })
  t.same(await balances(world, ann), [{ currencyCode: 'KWD', pending: '0.000', payable: '-1.005' }])
})
