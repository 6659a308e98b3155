import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createWorld, serviceHeaders, type World } from '#test/helper.ts'

async function owed({ app, identity }: World, userId: string, token?: string) {
  const headers =
    token === undefined ? serviceHeaders(identity) : { authorization: `Bearer ${token}` }
  const response = await app.inject({
    url: `/internal/v1/users/${userId}/obligations`,
    headers,
  })
  return { statusCode: response.statusCode, body: response.json() }
}

t.test(
  'a leading bid is an obligation until another bidder leads or the lot is closed',
  async (t) => {
    const world = await createWorld(t)
    const [ann, ben] = [randomUUID(), randomUUID()]
    const first = (await world.putTerms()).itemId
    const second = (await world.putTerms()).itemId
    t.same(await owed(world, ann), { statusCode: 200, body: { obligations: [] } })
    await world.bid(first, ann, '20.00')
    await world.bid(second, ann, '20.00')
    t.same((await owed(world, ann)).body, { obligations: [{ kind: 'leading', count: 2 }] })
    t.same((await owed(world, ben)).body, { obligations: [] })
    await world.bid(first, ben, '30.00')
    t.same((await owed(world, ann)).body, { obligations: [{ kind: 'leading', count: 1 }] })
    await world.shiftLot(second, -2 * 86_400_000)
    await world.close()
    t.same((await owed(world, ann)).body, { obligations: [] })
    t.same((await owed(world, ben)).body, { obligations: [{ kind: 'leading', count: 1 }] })
  },
)

t.test('only other services may read obligations, by a user id', async (t) => {
  const world = await createWorld(t)
  const ann = randomUUID()
  t.equal((await owed(world, ann, world.identity.token(ann))).statusCode, 401)
  t.equal((await owed(world, ann, world.identity.serviceToken('auction'))).statusCode, 401)
  t.match(await owed(world, 'everyone'), {
    statusCode: 400,
    body: { code: 'request.invalid_path' },
  })
})
