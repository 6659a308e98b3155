import { randomUUID } from 'node:crypto'
import type { OutboxEvent } from '@auction/common/contracts/event.ts'
import t from 'tap'
import {
  commented,
  created,
  depositEvents,
  expired,
  ids,
  lost,
  matched,
  offerEvents,
  outbid,
  payoutEvents,
  purchase,
  relisted,
  removed,
  TEMPLATES_OF_EVENTS,
  watchedRelisted,
  won,
} from '#test/events.ts'
import { call, createWorld, HOLD_MS, type Person, type World } from '#test/helper.ts'

const INBOX = '/api/v1/notifications'

const list = (world: World, as: Person, query = '') =>
  call(world, 'GET', `${INBOX}${query}`, { as })

/** Notices of sales, the first one first. */
async function notify(world: World, person: Person, count: number): Promise<string[]> {
  const items = Array.from({ length: count }, () => randomUUID())
  for (const item of items) {
    await world.consume([created(item, person.id, `Vase ${items.indexOf(item)}`)])
    await world.consume([expired(item, person.id)])
    await world.dispatch()
  }
  return items
}

t.test('a notice of every kind is read in the language and zone of its user', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  const [seller, item, previous] = ids()
  await world.consume([
    created(item, seller, 'A blue vase'),
    outbid(item, 3, ann.id, { changes: { endDate: '2026-11-30T19:00:00Z' } }),
    lost(item, 5, [ann.id]),
    lost(item, 6, [ann.id], { isSold: false }),
    won(item, 7, ann.id, seller),
    won(item, 8, seller, ann.id),
    expired(item, ann.id),
    removed(item, ann.id),
    commented(item, seller, ann.id),
    commented(item, seller, seller, { kind: 'answer', parentAuthorId: ann.id }),
    matched(item, ann.id),
    purchase(item, seller, ann.id, 9).reserved,
    purchase(item, seller, ann.id, 9).released,
    // By the new round, which has the item's name as well.
    relisted(previous, item, ann.id),
    watchedRelisted(previous, item, [ann.id]),
    ...Object.values(offerEvents(item, ann.id, ann.id)),
  ])
  await world.letTimePass(HOLD_MS)
  await world.dispatch()
  const { statusCode, body } = await list(world, ann)
  t.equal(statusCode, 200)
  t.equal(body.unreadCount, 19)
  t.same(
    body.notifications.map(({ template }: { template: string }) => template).sort(),
    // Those of orders and of money have tests of their own.
    TEMPLATES_OF_EVENTS.filter(
      (template) => !/^(order|purchase|sale|deposit|payout)_/.test(template),
    ).sort(),
  )
  for (const one of body.notifications) {
    t.match(one.title, /A blue vase/, one.template)
    const isOffered = /^offer_(made|withdrawn)$/.test(one.template)
    t.equal(one.path, isOffered ? `/my/offers/${one.data.offerId}` : `/lots/${item}`)
    t.ok(one.body.length > 0)
    t.equal(one.readAt, undefined)
  }
  const find = (answer: typeof body) =>
    answer.notifications.find(({ template }: { template: string }) => template === 'outbid')
  t.match(find(body), {
    category: 'bidding',
    data: { itemId: item, amount: '12.00', minNextBid: '13.00' },
  })
  t.match(find(body).body, /19:00/)

  const preferences = { language: 'de', timeZone: 'Europe/Istanbul' }
  await call(world, 'PATCH', `${INBOX}/preferences`, { as: ann, body: preferences })
  const german = find((await list(world, ann)).body)
  t.match(german.title, /überboten/)
  t.match(german.body, /22:00/)
  const turkish = find((await list(world, ann, '?language=tr&timeZone=UTC')).body)
  t.match(turkish.title, /A blue vase/)
  t.notMatch(turkish.title, /überboten/)
  t.match(turkish.body, /19:00/, 'the page that asks is in another language and zone')
  const unknown = find((await list(world, ann, '?timeZone=Nowhere/Land')).body)
  t.match(unknown, { title: german.title, body: german.body })
  t.equal((await list(world, ann, '?language=xx')).statusCode, 400)
})

t.test('a notice of money is read by whose money it is, and leads to it', async (t) => {
  const world = await createWorld(t)
  const [item, other] = ids()
  const seen: string[] = []
  const read = async (person: Person, event: OutboxEvent, path: string | RegExp) => {
    await world.consume([event])
    await world.letTimePass(HOLD_MS)
    await world.dispatch()
    const { notifications } = (await list(world, person)).body
    t.equal(notifications.length, 1)
    const [{ template, title, body, path: leadsTo }] = notifications
    seen.push(template)
    t.match(leadsTo, path, template)
    t.ok(title.length > 0 && body.length > 0)
    t.notMatch(`${title} ${body}`, /[{}]|undefined/, template)
  }
  for (const change of ['held', 'expiring', 'released', 'captured'] as const) {
    const person = world.person()
    const event = depositEvents(item, person.id, other)[change]
    // It was taken for an order that was not paid.
    await read(person, event, change === 'captured' ? /^\/my\/orders\// : `/lots/${item}`)
  }
  for (const change of ['sent', 'failed', 'restricted', 'needed'] as const) {
    const person = world.person()
    const payout = payoutEvents(person.id)
    const event = change === 'restricted' ? payout.account('restricted', 1) : payout[change]
    await read(person, event, '/my/payouts')
  }
  t.same(
    seen.toSorted(),
    TEMPLATES_OF_EVENTS.filter((template) => /^(deposit|payout)_/.test(template)).sort(),
  )
})

t.test('pages are complete and without repetition, while new notices come', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  const items = await notify(world, ann, 7)
  const seen: string[] = []
  let cursor = ''
  for (let page = 0; page < 5; page += 1) {
    const { body } = await list(world, ann, `?limit=3${cursor}`)
    seen.push(...body.notifications.map(({ data }: { data: { itemId: string } }) => data.itemId))
    if (body.nextCursor === undefined) break
    cursor = `&cursor=${body.nextCursor}`
    await notify(world, ann, 1)
  }
  t.same(seen, items.toReversed())
})

t.test('notices that are shown at one instant are paged by their ids', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  await world.consume(Array.from({ length: 10 }, () => expired(randomUUID(), ann.id)))
  await world.dispatch()
  await world.database.pool.query(`update notices set shown_at = '2026-11-28T08:00:00Z'`)
  const seen = new Set<string>()
  for (let cursor = ''; ; ) {
    const { body } = await list(world, ann, `?limit=3${cursor}`)
    for (const { id } of body.notifications) seen.add(id)
    if (body.nextCursor === undefined) break
    cursor = `&cursor=${body.nextCursor}`
  }
  t.equal(seen.size, 10)
})

t.test('reading one, or all up to one, counts down what is unread', async (t) => {
  const world = await createWorld(t)
  const [ann, ben] = [world.person(), world.person()]
  await notify(world, ann, 4)
  await notify(world, ben, 1)
  const { body } = await list(world, ann)
  const [last, third, second, first] = body.notifications.map(({ id }: { id: string }) => id)
  const read = (id: string, as = ann) => call(world, 'POST', `${INBOX}/${id}/read`, { as })
  const readUpTo = (upTo: string, as = ann) =>
    call(world, 'POST', `${INBOX}/read`, { as, body: { upTo } })
  t.match(await read(third), { statusCode: 200, body: { unreadCount: 3 } })
  t.match(await read(third), { statusCode: 200, body: { unreadCount: 3 } }, 'again')
  t.match(await readUpTo(second), { statusCode: 200, body: { unreadCount: 1 } })
  const unread = await list(world, ann, '?unread=true')
  t.same(
    unread.body.notifications.map(({ id }: { id: string }) => id),
    [last],
  )
  const all = await list(world, ann)
  t.equal(all.body.notifications.length, 4)
  t.ok(all.body.notifications.at(-1).readAt, first)
  t.match(await list(world, ben), { body: { unreadCount: 1 } }, 'others are not concerned')
  t.match(await readUpTo(last), { body: { unreadCount: 0 } })
})

t.test('what is shown after the list was read stays unread, although it is older', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  const item = randomUUID()
  // Recorded first, shown last: it waits ten seconds, and here for longer than this test takes.
  await world.consume([outbid(item, 3, ann.id)])
  await world.database.pool.query(`update notices set due_at = due_at + interval '1 hour'`)
  await notify(world, ann, 1)
  const { body } = await list(world, ann)
  t.equal(body.notifications.length, 1)
  await world.database.pool.query(`update notices set due_at = clock_timestamp() - interval '1 s'
    where state = 'pending'`)
  await world.dispatch()
  const upTo = body.notifications[0].id
  const read = await call(world, 'POST', `${INBOX}/read`, { as: ann, body: { upTo } })
  t.same(read.body, { unreadCount: 1 })
  const [first] = (await list(world, ann)).body.notifications
  t.equal(first.template, 'outbid', 'and it comes first')
})

t.test('a notice that a later one has replaced says how far its user has read', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  const item = randomUUID()
  const show = async (sequence: number) => {
    await world.consume([outbid(item, sequence, ann.id)])
    await world.letTimePass(HOLD_MS)
    await world.dispatch()
  }
  await show(3)
  const before = (await list(world, ann)).body.notifications[0].id
  await show(5)
  t.equal((await list(world, ann)).body.notifications.length, 1, 'one a lot')
  const read = await call(world, 'POST', `${INBOX}/read`, { as: ann, body: { upTo: before } })
  t.match(read, { statusCode: 200, body: { unreadCount: 1 } })
  t.equal((await call(world, 'POST', `${INBOX}/${before}/read`, { as: ann })).statusCode, 200)
})

t.test('notices of others, and those that are not shown, are not there', async (t) => {
  const world = await createWorld(t)
  const [ann, ben] = [world.person(), world.person()]
  await notify(world, ann, 1)
  await world.consume([outbid(randomUUID(), 3, ben.id)])
  const [shown] = await world.notices(ann.id)
  const [pending] = await world.notices(ben.id)
  for (const id of [shown?.id ?? '', pending?.id ?? '', randomUUID()]) {
    const one = await call(world, 'POST', `${INBOX}/${id}/read`, { as: ben })
    t.match(one, { statusCode: 404, body: { code: 'notification.not_found' } })
    const all = await call(world, 'POST', `${INBOX}/read`, { as: ben, body: { upTo: id } })
    t.match(all, { statusCode: 404, body: { code: 'notification.not_found' } })
  }
  t.same((await list(world, ben)).body, { notifications: [], unreadCount: 0 })
  t.match(await list(world, ann), { body: { unreadCount: 1 } })
})

t.test('without a token nothing is answered, and a bad question is refused', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  const upTo = randomUUID()
  t.equal((await call(world, 'GET', INBOX)).statusCode, 401)
  t.equal((await call(world, 'POST', `${INBOX}/${upTo}/read`)).statusCode, 401)
  t.equal((await call(world, 'POST', `${INBOX}/read`, { body: { upTo } })).statusCode, 401)
  for (const query of ['?limit=0', '?limit=101', '?cursor=1', '?unread=perhaps', '?page=2']) {
    t.match(await list(world, ann, query), { statusCode: 400 }, query)
  }
  for (const body of [{}, { upTo: 'all' }, { upTo, all: true }]) {
    t.equal((await call(world, 'POST', `${INBOX}/read`, { as: ann, body })).statusCode, 400)
  }
})
