import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import {
  A_WEEK_AGO,
  closed,
  createLiveWorld,
  extended,
  LATER,
  lost,
  outbid,
  placed,
  priceAt,
} from '#test/live-helper.ts'

t.test('a bid, an extension and the closing are on the watcher’s screen', async (t) => {
  const world = await createLiveWorld(t)
  const { url } = await world.replica()
  const itemId = randomUUID()
  const client = await world.watch({ urls: [url], lots: [itemId, randomUUID()] })
  const other = await world.watch({ urls: [url], lots: [randomUUID()] })
  await world.publish(placed({ itemId, sequence: 1 }))
  await waitFor('the price', () => client.lots.get(itemId)?.currentPrice === priceAt(1))
  const { serverTime, ...lot } = client.lots.get(itemId) ?? { sequence: 0 }
  t.strictSame(lot, {
    itemId,
    phase: 'open',
    currencyCode: 'USD',
    currentPrice: '1.00',
    minNextBid: '2.00',
    bidCount: 1,
    reserveMet: true,
    buyNowAvailable: false,
    endDate: LATER,
    extensionCount: 0,
    sequence: 1,
  })
  t.ok(Date.parse(String(serverTime)) > 0)
  const end = new Date(Date.parse(LATER) + 900_000).toISOString()
  await world.publish(extended(itemId, 2, end))
  await waitFor('the end', () => client.lots.get(itemId)?.endDate === end)
  t.match(client.lots.get(itemId), { currentPrice: priceAt(1), extensionCount: 1, sequence: 2 })
  await world.publish(closed(itemId, 3))
  await waitFor('the closing', () => client.lots.get(itemId)?.phase === 'closed')
  t.match(client.lots.get(itemId), { outcome: 'sold', finalAmount: priceAt(2) })
  t.notMatch(other.text(), itemId, 'a lot is sent to those alone who watch it')
})

t.test('a user gets the own standing at once, and of others only the price', async (t) => {
  const world = await createLiveWorld(t)
  const { url } = await world.replica()
  const itemId = randomUUID()
  const [ann, ben, cid] = [randomUUID(), randomUUID(), randomUUID()]
  const watch = (userId: string | undefined) => {
    const token = userId === undefined ? undefined : world.identity.token(userId)
    return world.watch({ urls: [url], lots: [itemId], token: () => token })
  }
  const [ofAnn, ofBen, ofCid, ofNoOne] = await Promise.all([ann, ben, cid, undefined].map(watch))
  const standings = (client: typeof ofAnn) =>
    client?.messages.filter(({ event }) => event === 'own').map(({ data }) => data)
  await world.publish(
    placed({ itemId, sequence: 1, userId: ann, leaderId: ann }),
    // Ben's bid is outbid at once by Ann's maximum: nothing new for Ann.
    placed({ itemId, sequence: 2, userId: ben, leaderId: ann }),
    placed({ itemId, sequence: 3, userId: cid, leaderId: cid }),
    outbid(itemId, 3, ann),
    closed(itemId, 4, cid),
    lost(itemId, 4, [ann, ben]),
  )
  await waitFor('the results', () =>
    [ofAnn, ofBen, ofCid].every((client) => client?.standings.get(itemId)?.sequence === 4),
  )
  t.strictSame(standings(ofAnn), [
    { itemId, standing: 'leading', sequence: 1 },
    { itemId, standing: 'outbid', sequence: 3 },
    { itemId, standing: 'lost', sequence: 4 },
  ])
  t.strictSame(standings(ofBen), [
    { itemId, standing: 'outbid', sequence: 2 },
    { itemId, standing: 'lost', sequence: 4 },
  ])
  t.strictSame(standings(ofCid), [
    { itemId, standing: 'leading', sequence: 3 },
    { itemId, standing: 'won', sequence: 4 },
  ])
  await waitFor('the closing', () => ofNoOne?.lots.get(itemId)?.phase === 'closed')
  t.strictSame(standings(ofNoOne), [])
})

t.test('no stream names a user, a bid, a leader or the id of an event', async (t) => {
  const world = await createLiveWorld(t)
  const { url } = await world.replica()
  const itemId = randomUUID()
  const [ann, ben] = [randomUUID(), randomUUID()]
  const clients = await Promise.all(
    [ann, ben, undefined].map((userId) => {
      const token = userId === undefined ? undefined : world.identity.token(userId)
      return world.watch({ urls: [url], lots: [itemId], token: () => token })
    }),
  )
  const events = [
    placed({ itemId, sequence: 1, userId: ann, leaderId: ann }),
    placed({ itemId, sequence: 2, userId: ben, leaderId: ben }),
    outbid(itemId, 2, ann),
    closed(itemId, 3, ben),
    lost(itemId, 3, [ann]),
  ]
  await world.publish(...events)
  for (const client of clients)
    await waitFor('the closing', () => client.lots.get(itemId)?.phase === 'closed')
  await waitFor('the standings', () => clients[0]?.standings.get(itemId)?.standing === 'lost')
  const resumed = await world.watch({ urls: [url], lots: [itemId], after: 0 })
  const known = /"([0-9a-f-]{36})"/g
  const ids = new Set(
    events.flatMap(({ envelope }) =>
      [...JSON.stringify(envelope).matchAll(known)].map(([, id = '']) => id),
    ),
  )
  ids.delete(itemId)
  t.ok(ids.size >= 9, 'users, bids and events have ids')
  for (const client of [...clients, resumed]) {
    t.match(client.text(), itemId)
    for (const id of ids) t.notMatch(client.text(), id)
  }
})

t.test('an event that comes again, out of order or a week late changes nothing', async (t) => {
  const world = await createLiveWorld(t)
  const { url } = await world.replica()
  const [itemId, unknown] = [randomUUID(), randomUUID()]
  const [ann, ben] = [randomUUID(), randomUUID()]
  const token = world.identity.token(ann)
  const first = placed({ itemId, sequence: 1, userId: ann, leaderId: ann })
  const third = placed({ itemId, sequence: 3, userId: ben, leaderId: ben })
  world.truth.set(unknown, { sequence: 50, currentPrice: priceAt(50) })
  const client = await world.watch({ urls: [url], lots: [itemId, unknown], token: () => token })
  await world.publish(
    first,
    first,
    third,
    outbid(itemId, 3, ann),
    placed({ itemId, sequence: 2, userId: ann, leaderId: ann }),
    first,
    outbid(itemId, 3, ann),
    placed({ itemId: unknown, sequence: 7, userId: ann, leaderId: ann }, A_WEEK_AGO),
    outbid(unknown, 7, ann, A_WEEK_AGO),
    closed(itemId, 4, ben),
  )
  await waitFor('the closing', () => client.lots.get(itemId)?.phase === 'closed')
  await waitFor('the other lot', () => client.messages.some(({ event }) => event === 'resync'))
  const sequences = client.messages
    .filter(({ event, data }) => event === 'lot' && data.itemId === itemId)
    .map(({ data }) => Number(data.sequence))
  t.strictSame(
    sequences,
    [...new Set(sequences)].sort((a, b) => a - b),
    'no change is sent twice, and none after a newer one',
  )
  t.strictSame(
    client.messages
      .filter(({ event }) => event === 'own')
      .map(({ data }) => [data.itemId, data.standing, data.sequence]),
    [
      [itemId, 'leading', 1],
      [itemId, 'outbid', 3],
    ],
  )
  t.notOk(
    client.messages.some(({ event, data }) => event === 'lot' && data.itemId === unknown),
    'what is a week old is not shown',
  )
  t.strictSame(
    client.messages.filter(({ event }) => event === 'resync').map(({ data }) => data),
    [{ lots: [unknown] }],
    'the lot is read instead',
  )
  await waitFor('the read', () => client.lots.get(unknown)?.currentPrice === priceAt(50))
})

t.test('an event that no one can read harms no other', async (t) => {
  const world = await createLiveWorld(t)
  const { url, registry } = await world.replica()
  const itemId = randomUUID()
  const client = await world.watch({ urls: [url], lots: [itemId] })
  const broken = placed({ itemId, sequence: 1 })
  broken.envelope.payload.currentPrice = 'much'
  await world.publish(broken, placed({ itemId, sequence: 2 }))
  await waitFor('the price', () => client.lots.get(itemId)?.currentPrice === priceAt(2))
  t.match(await registry.metrics(), /live_unreadable_events_total\{.*\} 1/)
})

t.test(
  'a lot is sent ten times a second at most, the newest wins, a closing waits not',
  async (t) => {
    const world = await createLiveWorld(t)
    const { url } = await world.replica()
    const itemId = randomUUID()
    const client = await world.watch({ urls: [url], lots: [itemId] })
    const bids = Array.from({ length: 500 }, (_, index) => placed({ itemId, sequence: index + 1 }))
    const fromMs = performance.now()
    await world.publish(...bids)
    await waitFor('the price', () => client.lots.get(itemId)?.sequence === 500)
    const tookMs = performance.now() - fromMs
    const updates = client.messages.filter(({ event }) => event === 'lot').length
    t.ok(updates <= Math.ceil(tookMs / 100) + 1, `${updates} updates in ${Math.round(tookMs)} ms`)
    await world.publish(placed({ itemId, sequence: 501 }), closed(itemId, 502))
    await waitFor('the closing', () => client.lots.get(itemId)?.phase === 'closed')
  },
)
