import { randomUUID } from 'node:crypto'
import type { LiveClient } from '@auction/common/testing/live-client.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { closed, createLiveWorld, outbid, placed, priceAt } from '#test/live-helper.ts'

const sequencesOf = ({ messages }: LiveClient) =>
  messages.filter(({ event }) => event === 'lot').map(({ data }) => data.sequence)

t.test('a client resumes at another replica with the id of the first', async (t) => {
  const world = await createLiveWorld(t)
  const first = await world.replica()
  const second = await world.replica()
  const [itemId, quiet] = [randomUUID(), randomUUID()]
  const ann = randomUUID()
  const token = world.identity.token(ann)
  const urls = [first.url, second.url]
  const others = await Promise.all(
    urls.map((url) => world.watch({ urls: [url], lots: [itemId, quiet] })),
  )
  // A replica that is late sends what is no news to others, or cannot know what was missed.
  const untilAtEach = (id: string, sequence: number) =>
    waitFor('the price at each', () =>
      others.every(({ lots }) => lots.get(id)?.sequence === sequence),
    )
  await world.publish(placed({ itemId: quiet, sequence: 4, userId: ann, leaderId: ann }))
  await untilAtEach(quiet, 4)
  const client = await world.watch({ urls, lots: [itemId, quiet], token: () => token })
  await world.publish(placed({ itemId, sequence: 1, userId: ann, leaderId: ann }))
  await waitFor('the price', () => client.lots.get(itemId)?.sequence === 1)
  await untilAtEach(itemId, 1)
  await waitFor('the place', () => (client.lastId() ?? 0) > 0)
  client.drop()
  const ben = randomUUID()
  await world.publish(
    placed({ itemId, sequence: 2, userId: ben, leaderId: ben }),
    outbid(itemId, 2, ann),
    placed({ itemId, sequence: 3, userId: ben, leaderId: ben }),
  )
  await waitFor('the second stream', () => client.opened() === 2)
  await waitFor('the price', () => client.lots.get(itemId)?.currentPrice === priceAt(3))
  await waitFor('the standing', () => client.standings.get(itemId)?.standing === 'outbid')
  t.notOk(
    client.messages.some(({ event }) => event === 'resync'),
    'nothing had to be read',
  )
  t.notMatch(client.text(), quiet, 'what did not change is not sent')
  const sequences = sequencesOf(client)
  t.strictSame(sequences, [...new Set(sequences)], 'and nothing twice')
})

t.test('a client that was away for too long gets the list of lots to read', async (t) => {
  const world = await createLiveWorld(t)
  await world.publish(placed({ itemId: randomUUID(), sequence: 1 }))
  const { url, registry } = await world.replica()
  const [itemId, other] = [randomUUID(), randomUUID()]
  world.truth.set(itemId, { sequence: 9, currentPrice: priceAt(9) })
  for (const after of [1_000_000, -1]) {
    const client = await world.watch({ urls: [url], lots: [itemId, other], after })
    await waitFor('the price', () => client.lots.get(itemId)?.currentPrice === priceAt(9))
    const resyncs = client.messages.filter(({ event }) => event === 'resync')
    t.strictSame(
      resyncs.map(({ data }) => data),
      [{ lots: [itemId, other] }],
    )
  }
  t.match(await registry.metrics(), /live_events_sent_total\{event="resync".*\} 2/)
})

t.test('an id promises no more than was sent, however many lots change at once', async (t) => {
  const world = await createLiveWorld(t)
  const { url } = await world.replica()
  const lots = Array.from({ length: 50 }, () => randomUUID())
  const last = 80
  // They lose their stream again and again, at any moment, and read no lot: ids are all they have.
  const clients = await Promise.all(
    Array.from({ length: 5 }, () => world.watch({ urls: [url], lots, retryMaxMs: 5 })),
  )
  await waitFor('the first ids', async () => {
    await world.publish(placed({ itemId: randomUUID(), sequence: 1 }))
    for (const client of clients) client.drop()
    return clients.every((client) => client.isOpen() && client.lastId() !== undefined)
  })
  let isOver = false
  const dropping = (async () => {
    for (let round = 0; !isOver; round += 1) {
      const client = clients[round % clients.length]
      const seen = client?.messages.length ?? 0
      await waitFor('more events', () => isOver || (client?.messages.length ?? 0) > seen)
      client?.drop()
    }
  })()
  for (let sequence = 1; sequence <= last; sequence += 1)
    await world.publish(...lots.map((itemId) => placed({ itemId, sequence })))
  isOver = true
  await dropping
  for (const client of clients) {
    await waitFor('the last prices', () =>
      lots.every((itemId) => client.lots.get(itemId)?.sequence === last),
    )
    t.ok(client.opened() > 5, `${client.opened()} streams`)
  }
})

t.test('a broker that is away delays prices, loses none, and clients know it', async (t) => {
  const world = await createLiveWorld(t)
  const { url } = await world.replica({ turnMs: 10 })
  const itemId = randomUUID()
  const client = await world.watch({ urls: [url], lots: [itemId] })
  await world.publish(placed({ itemId, sequence: 1 }))
  await waitFor('the price', () => client.lots.get(itemId)?.sequence === 1)
  await world.broker.network.stop()
  const isDelayed = () => client.messages.at(-1)?.data.delayed
  await waitFor('a heartbeat that says so', () => isDelayed() === true)
  t.match(client.messages.at(-1), { event: 'heartbeat', data: { serverTime: String } })
  t.equal((await fetch(`${url}/else`)).status, 404, 'everything else is answered')
  await world.publish(placed({ itemId, sequence: 2 }), placed({ itemId, sequence: 3 }))
  await world.broker.network.start()
  await waitFor('the price', () => client.lots.get(itemId)?.sequence === 3)
  await waitFor('a heartbeat that says so', () => isDelayed() === false)
  t.equal(client.opened(), 1, 'on the same stream')
})

t.test('when events were lost, every client reads its lots', async (t) => {
  const world = await createLiveWorld(t)
  const { url } = await world.replica()
  const itemId = randomUUID()
  const client = await world.watch({ urls: [url], lots: [itemId] })
  await world.publish(placed({ itemId, sequence: 1 }))
  await waitFor('the price', () => client.lots.get(itemId)?.sequence === 1)
  await world.broker.network.stop()
  const queue = encodeURIComponent('notification.live')
  await world.broker.manage('DELETE', `/queues/${world.broker.vhost}/${queue}`)
  world.truth.set(itemId, { sequence: 7, currentPrice: priceAt(7) })
  await world.broker.network.start()
  await waitFor('the resync', async () => {
    await world.publish(placed({ itemId: randomUUID(), sequence: 1 }))
    return client.messages.some(({ event }) => event === 'resync')
  })
  await waitFor('the price', () => client.lots.get(itemId)?.currentPrice === priceAt(7))
  await world.publish(closed(itemId, 8))
  await waitFor('the closing', () => client.lots.get(itemId)?.phase === 'closed')
})
