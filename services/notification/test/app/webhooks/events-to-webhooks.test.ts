import { randomUUID } from 'node:crypto'
import t from 'tap'
import { deleted, outbid, won } from '#test/events.ts'
import { createWorld, type Person, type World } from '#test/helper.ts'

const ENDPOINTS = '/api/v1/webhook-endpoints'

/** An endpoint of this person, who proved a moment ago who they are. */
async function createEndpoint({ app, identity }: World, { id }: Person) {
  const token = identity.token(id, { auth_time: Math.floor(Date.now() / 1_000) })
  const { statusCode } = await app.inject({
    method: 'POST',
    url: ENDPOINTS,
    headers: { authorization: `Bearer ${token}` },
    payload: { url: 'https://hooks.example/' },
  })
  if (statusCode !== 201) throw new Error(`status ${statusCode}`)
}

const messages = async ({ database }: World) => {
  const { rows } = await database.pool.query(
    'select event_type, payload from webhook_messages order by event_type',
  )
  return rows.map(({ event_type, payload }) => ({ type: event_type, body: JSON.parse(payload) }))
}

t.test('an event is one message, also when it comes again', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  await createEndpoint(world, ann)
  const item = randomUUID()
  const events = [
    outbid(item, 3, ann.id),
    outbid(item, 5, ann.id),
    won(item, 7, ann.id, randomUUID()),
  ]
  await world.consume(events)
  await world.consume(events)
  const found = await messages(world)
  t.strictSame(
    found.map(({ type }) => type),
    ['bid.outbid.v1', 'bid.outbid.v1', 'bid.won.v1'],
    'not folded, and not twice',
  )
  t.match(found.map(({ body }) => body.data.sequence).sort(), [3, 5, 7])
})

t.test('the endpoints of a deleted account are gone, and later events write nothing', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  await createEndpoint(world, ann)
  await world.consume([deleted(ann.id)])
  await world.consume([won(randomUUID(), 7, ann.id, randomUUID())])
  t.strictSame(await messages(world), [])
  const { rows } = await world.database.pool.query('select state, url from webhook_endpoints')
  t.strictSame(rows, [{ state: 'deleted', url: '' }])
})
