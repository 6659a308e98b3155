import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { createLiveWorld, type LiveWorld, outbid, placed, priceAt } from '#test/live-helper.ts'

const PAUSE_MS = 200
/** Sessions are checked every two seconds, and believed for three: on a busy machine a check may take one. */
const SESSIONS = { turnMs: 100 }

/**
 * Bids of the user until the client is shown that the user leads; the sequence of the last one. A session that was not checked in
 * time is sent nothing of its own, and its client is to read the lot, which does not exist here.
 */
async function lead(
  world: LiveWorld,
  client: Awaited<ReturnType<LiveWorld['watch']>>,
  { itemId, userId }: { itemId: string; userId: string },
): Promise<number> {
  let sequence = 0
  await waitFor(
    'the own standing',
    async () => {
      if (client.standings.get(itemId)?.standing === 'leading') return true
      sequence += 1
      await world.publish(placed({ itemId, sequence, userId, leaderId: userId }))
      return false
    },
    undefined,
    PAUSE_MS,
  )
  return sequence
}

t.test('a session that ended closes its streams and no others', async (t) => {
  const world = await createLiveWorld(t)
  const { url } = await world.replica(SESSIONS)
  const itemId = randomUUID()
  const [ann, ben] = [randomUUID(), randomUUID()]
  const [first, second, ofBen] = [
    world.identity.token(ann),
    world.identity.token(ann),
    world.identity.token(ben),
  ]
  let isLoggedIn = true
  const token = () => (isLoggedIn ? first : undefined)
  const leaving = await world.watch({ urls: [url], lots: [itemId], token })
  const elsewhere = await world.watch({ urls: [url], lots: [itemId], token: () => second })
  const other = await world.watch({ urls: [url], lots: [itemId], token: () => ofBen })
  isLoggedIn = false
  world.ended.add(first)
  await waitFor('the end', () => leaving.messages.some(({ event }) => event === 'reauthenticate'))
  await waitFor('the return without a token', () => leaving.opened() === 2 && leaving.isOpen())
  const sequence = await lead(world, elsewhere, { itemId, userId: ann })
  for (const client of [leaving, other])
    await waitFor('the price', () => client.lots.get(itemId)?.sequence === sequence)
  t.equal(leaving.standings.size, 0, 'only the price')
  t.strictSame([elsewhere.opened(), other.opened()], [1, 1])
})

t.test('while identity does not answer, prices go on and nothing of the own is sent', async (t) => {
  const world = await createLiveWorld(t)
  const { url, registry } = await world.replica(SESSIONS)
  const itemId = randomUUID()
  const [ann, ben] = [randomUUID(), randomUUID()]
  const token = world.identity.token(ann)
  const client = await world.watch({ urls: [url], lots: [itemId], token: () => token })
  const sequence = await lead(world, client, { itemId, userId: ann })
  const received = client.messages.length
  world.identityState.isDown = true
  const unknown = async () => {
    const text = await registry.metrics()
    return Number(/live_session_checks_total\{outcome="unknown".*\} (\d+)/.exec(text)?.[1] ?? 0)
  }
  const before = await unknown()
  // A good check is believed for one and a half rounds.
  await waitFor('three rounds', async () => (await unknown()) >= before + 3)
  const [second, third, fourth] = [sequence + 1, sequence + 2, sequence + 3]
  await world.publish(placed({ itemId, sequence: second, userId: ben, leaderId: ben }))
  await world.publish(outbid(itemId, second, ann))
  await world.publish(placed({ itemId, sequence: third, userId: ben, leaderId: ben }))
  await waitFor('the price', () => client.lots.get(itemId)?.sequence === third)
  t.equal(client.standings.get(itemId)?.standing, 'leading', 'the own standing is as it was')
  t.equal(client.opened(), 1, 'on the same stream')
  world.truth.set(itemId, { sequence: fourth, currentPrice: priceAt(fourth) })
  world.identityState.isDown = false
  await waitFor('the lot to be read', () => client.lots.get(itemId)?.sequence === fourth)
  t.strictSame(
    client.messages
      .slice(received)
      .filter(({ event }) => event === 'resync')
      .map(({ data }) => data),
    [{ lots: [itemId] }],
  )
})

t.test('streams are limited by user, by address and by process', async (t) => {
  const world = await createLiveWorld(t)
  const { url, app } = await world.replica({
    LIVE_STREAMS_MAX: 4,
    LIVE_STREAMS_PER_USER: 2,
    LIVE_STREAMS_PER_ADDRESS: 3,
  })
  const lots = [randomUUID()]
  const path = `${url}/api/v1/live?lots=${lots}`
  const ask = (headers: Record<string, string>, accept = 'text/event-stream') =>
    fetch(path, { headers: { accept, ...headers } })
  const bearer = { authorization: `Bearer ${world.identity.token(randomUUID())}` }
  const token = () => bearer.authorization.replace('Bearer ', '')
  await world.watch({ urls: [url], lots, token })
  const closing = await world.watch({ urls: [url], lots, token })
  const refused = async (response: Promise<Response>) => {
    const { status, headers } = await response
    return {
      status,
      hasRetryAfter: headers.has('retry-after'),
      body: await (await response).json(),
    }
  }
  const tooMany = { status: 429, hasRetryAfter: true, body: { code: 'live.too_many_streams' } }
  t.match(await refused(ask(bearer)), tooMany, 'of one user')
  await world.watch({ urls: [url], lots })
  t.match(await refused(ask({})), tooMany, 'of one address')
  await world.watch({ urls: [url], lots, localAddress: '127.0.0.2' })
  t.match(await refused(ask({ 'x-forwarded-for': '203.0.113.7' })), {
    status: 503,
    hasRetryAfter: true,
    body: { code: 'live.full' },
  })
  closing.close()
  await waitFor('room', async () => {
    const response = await ask({ 'x-forwarded-for': '203.0.113.7' })
    await response.body?.cancel()
    return response.status === 200
  })
  t.match(await refused(ask({}, 'application/json')), {
    status: 406,
    body: { code: 'live.not_acceptable' },
  })
  for (const wrong of ['', 'x', Array.from({ length: 51 }, () => randomUUID()).join()]) {
    const answer = await app.inject({
      url: `/api/v1/live?lots=${wrong}`,
      headers: { accept: 'text/event-stream' },
    })
    t.equal(answer.statusCode, 400, 'no list of lots')
  }
})

t.test('streams that end together say at random when to come back', async (t) => {
  const world = await createLiveWorld(t)
  const { url, stop } = await world.replica()
  const lots = [randomUUID()]
  const clients = await Promise.all(
    Array.from({ length: 40 }, () => world.watch({ urls: [url], lots })),
  )
  const ending = stop()
  await waitFor('the ends', () => clients.every((client) => !client.isOpen()))
  await ending
  const pauses = clients.map((client) =>
    Number([...client.text().matchAll(/^retry: (\d+)$/gm)].at(-1)?.[1]),
  )
  t.ok(
    pauses.every((ms) => ms >= 500 && ms <= 5_000),
    `${pauses}`,
  )
  t.ok(Math.max(...pauses) - Math.min(...pauses) > 2_000, 'spread over seconds')
})
