import t from 'tap'
import { build, call, createDraft, createPublished, type Fixture } from '#test/helper.ts'
import { serviceHeaders } from '#test/neighbours.ts'

const owed = (fixture: Fixture, userId: string, headers: Record<string, string>) =>
  call(fixture, 'GET', `/internal/v1/users/${userId}/obligations`, { headers })

t.test('a seller has an obligation while an item is published and not over', async (t) => {
  const fixture = await build(t)
  const { seller, db } = fixture
  await createDraft(fixture)
  t.match(await owed(fixture, seller.id, serviceHeaders()), {
    statusCode: 200,
    body: { obligations: [] },
  })
  const id = await createPublished(fixture)
  t.same((await owed(fixture, seller.id, serviceHeaders())).body, {
    obligations: [{ kind: 'selling', count: 1 }],
  })
  await db.updateTable('items').set({ status: 'expired' }).where('id', '=', id).execute()
  t.same((await owed(fixture, seller.id, serviceHeaders())).body, { obligations: [] })
})

t.test('only other services may ask, with a valid id', async (t) => {
  const fixture = await build(t)
  const { seller } = fixture
  t.equal((await owed(fixture, seller.id, seller.headers)).statusCode, 401)
  t.equal((await owed(fixture, seller.id, {})).statusCode, 401)
  t.equal((await owed(fixture, 'all', serviceHeaders())).statusCode, 400)
})
