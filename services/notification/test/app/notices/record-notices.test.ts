import { randomUUID } from 'node:crypto'
import { bidWon } from '@auction/common/contracts/bid.ts'
import { orderCancelled } from '@auction/common/contracts/order.ts'
import t from 'tap'
import {
  commented,
  created,
  depositEvents,
  event,
  expired,
  ids,
  lost,
  matched,
  offerEvents,
  orderEvents,
  outbid,
  payoutEvents,
  permutations,
  purchase,
  relisted,
  removed,
  TEMPLATES_OF_EVENTS,
  watchedRelisted,
  won,
} from '#test/events.ts'
import { createWorld } from '#test/helper.ts'

const DAY_MS = 86_400_000

t.test('each event notifies whom it concerns, and no one else', async (t) => {
  const { consume, notices } = await createWorld(t)
  const [seller, buyer, loser, other, item] = ids()
  const about = async (events: Parameters<typeof consume>[0]) => {
    const before = new Set((await notices()).map(({ id }) => id))
    await consume(events)
    const names = new Map([
      [seller, 'seller'],
      [buyer, 'buyer'],
      [loser, 'loser'],
      [other, 'other'],
    ])
    return (await notices())
      .filter(({ id }) => !before.has(id))
      .map(({ userId, template }) => `${names.get(userId)} ${template}`)
      .sort()
  }
  const order = orderEvents(item, buyer, seller)
  const offer = offerEvents(item, loser, seller)
  const payout = payoutEvents(seller)
  const deposit = depositEvents(item, loser, seller)
  const bought = purchase(item, buyer, seller)
  const released = event(
    orderCancelled,
    randomUUID(),
    {
      orderId: randomUUID(),
      itemId: item,
      buyerId: buyer,
      sellerId: seller,
      round: 1,
      unit: 1,
      reason: 'buy_now_released',
      strike: false,
      sequence: 2,
    },
    { sequence: 2 },
  )
  const cases: [unknown, Parameters<typeof consume>[0]][] = [
    [['loser outbid'], [outbid(item, 3, loser)]],
    [['buyer won', 'seller sold'], [won(item, 5, buyer, seller)]],
    [['loser lost', 'other lost'], [lost(item, 5, [loser, other])]],
    [['loser lot_unsold'], [lost(item, 6, [loser], { isSold: false })]],
    [['seller unsold'], [expired(item, seller)]],
    [['seller item_removed'], [removed(item, seller)]],
    [['other search_matched'], [matched(item, other)]],
    [['seller question'], [commented(item, other, seller)]],
    [[], [commented(item, seller, seller, { kind: 'comment' })]],
    // The seller answers a question.
    [
      ['other answer'],
      [commented(item, seller, seller, { kind: 'answer', parentAuthorId: other })],
    ],
    // Another user answers it: both are notified, each of what it is for them.
    [
      ['other answer', 'seller question'],
      [commented(item, loser, seller, { parentAuthorId: other })],
    ],
    // A comment below what the seller wrote is one notice, and one below the own is none.
    [['seller answer'], [commented(item, other, seller, { parentAuthorId: seller })]],
    [['seller question'], [commented(item, other, seller, { parentAuthorId: other })]],
    [['seller reserved'], [bought.reserved]],
    [[], [bought.immediate]],
    [['seller released'], [bought.released]],
    [['buyer purchase_cancelled'], [released]],
    [['loser offer_made'], [offer.made]],
    [['loser offer_withdrawn'], [offer.withdrawn]],
    [['seller offer_accepted'], [offer.accepted]],
    [['seller offer_declined'], [offer.declined]],
    [['seller offer_expired'], [offer.expired]],
    [['loser deposit_held'], [deposit.held]],
    [['loser deposit_expiring'], [deposit.expiring]],
    [['loser deposit_released'], [deposit.released]],
    [[], [deposit.replaced]],
    [['loser deposit_captured'], [deposit.captured]],
    [['loser deposit_released'], [deposit.givenBack]],
    [['seller relisted'], [relisted(item, randomUUID(), seller)]],
    [[], [relisted(randomUUID(), randomUUID(), seller, false)]],
    [
      ['loser watched_relisted', 'other watched_relisted'],
      [watchedRelisted(item, randomUUID(), [loser, other])],
    ],
    [['buyer order_due'], [order.created]],
    [['buyer order_reminder'], [order.reminder(1)]],
    [['buyer order_overdue'], [order.overdue]],
    [['buyer order_paid', 'seller order_to_ship'], [order.paid]],
    [['buyer order_shipped'], [order.shipped]],
    [['buyer purchase_cancelled', 'seller sale_cancelled'], [order.cancelled]],
    [['buyer order_reopened'], [order.reopened]],
    [['seller order_disputed'], [order.disputed]],
    [['buyer purchase_resolved', 'seller sale_resolved'], [order.resolved]],
    [['seller payout_sent'], [payout.sent]],
    [['seller payout_failed'], [payout.failed]],
    [['seller payout_account_restricted'], [payout.account('restricted', 1)]],
    [[], [payout.account('enabled', 2)]],
    [['seller payout_account_needed'], [payout.needed]],
    [[], [payout.sent, payout.needed, payout.account('restricted', 1)]],
  ]
  for (const [expected, events] of cases) {
    t.same(await about(events), expected, String(events[0]?.key))
  }
  const ofDeposits = (await notices()).filter(({ template }) => template === 'deposit_released')
  t.match(ofDeposits, [{ data: { reason: 'lost' } }, { data: { reason: 'returned' } }])
  const templates = new Set((await notices()).map(({ template }) => template))
  t.same([...templates].sort(), [...TEMPLATES_OF_EVENTS].sort(), 'there is an event of every kind')
})

t.test(
  'a win without a seller, as the original sends it, finds the seller of the item',
  async (t) => {
    const { consume, notices } = await createWorld(t)
    const [seller, buyer, item, unknown] = ids()
    const thin = (itemId: string) =>
      event(bidWon, itemId, { itemId, buyerId: buyer, finalAmount: '5.00' })
    await consume([created(item, seller, 'A vase')])
    await consume([thin(item), thin(unknown)])
    const rows = await notices()
    t.same(
      rows.map(({ userId, template, aggregateId }) => [userId, template, aggregateId]).sort(),
      [
        [buyer, 'won', item],
        [buyer, 'won', unknown],
        [seller, 'sold', item],
      ].sort(),
    )
  },
)

t.test('events that come twice, in any order and any batches, are one notice each', async (t) => {
  const { consume, notices } = await createWorld(t)
  const [seller, buyer, loser, item] = ids()
  const events = [
    outbid(item, 2, loser),
    outbid(item, 4, loser),
    won(item, 5, buyer, seller),
    lost(item, 5, [loser]),
  ]
  for (const order of permutations(events)) {
    for (const one of order) await consume([one])
    await consume(order)
  }
  await consume([...events, ...events])
  t.same(
    (await notices()).map(({ template, sequence }) => `${template} ${sequence}`),
    ['lost 5', 'outbid 2', 'outbid 4', 'sold 5', 'won 5'],
  )
})

t.test('an item that matches two searches of a user is one notice', async (t) => {
  const { consume, notices } = await createWorld(t)
  const [user, item] = [randomUUID(), randomUUID()]
  await consume([matched(item, user), matched(item, user)])
  await consume([matched(item, user)])
  await consume([matched(randomUUID(), user)])
  t.equal((await notices(user)).length, 2)
})

t.test('two workers with the same events record each notice once', async (t) => {
  const { consume, notices } = await createWorld(t)
  const item = randomUUID()
  const users = Array.from({ length: 500 }, () => randomUUID())
  const events = [lost(item, 7, users), lost(item, 7, users.toReversed())]
  await Promise.all([consume(events), consume(events.toReversed()), consume(events)])
  t.equal((await notices()).length, 500)
})

t.test(
  'a notice counts from its event: a week old one is outdated, one of tomorrow is of now',
  async (t) => {
    const { consume, database } = await createWorld(t)
    const [user, item] = [randomUUID(), randomUUID()]
    const weekAgo = new Date(Date.now() - 7 * DAY_MS)
    await consume([outbid(item, 1, user, { at: weekAgo })])
    await consume([outbid(item, 2, user, { at: new Date(Date.now() + DAY_MS) })])
    const { rows } = await database.pool.query(
      `select sequence::int, happened_at = $1 as "isOfEvent", happened_at <= created_at as "isPast",
       outdated_at - happened_at = interval '24 hours' as "isADay"
     from notices order by sequence`,
      [weekAgo],
    )
    t.same(rows, [
      { sequence: 1, isOfEvent: true, isPast: true, isADay: true },
      { sequence: 2, isOfEvent: false, isPast: true, isADay: true },
    ])
  },
)

t.test('what is kept of a comment is one line of at most 200 characters', async (t) => {
  const { consume, notices } = await createWorld(t)
  const [seller, author, item] = ids()
  await consume([
    commented(item, author, seller, { content: `  Is it\n\n${'blue '.repeat(60)} or 👩‍👩‍👧‍👦?` }),
  ])
  const [notice] = await notices(seller)
  const excerpt = notice?.data.excerpt ?? ''
  t.match(excerpt, /^Is it blue blue .*…$/)
  t.ok(excerpt.length <= 201, `${excerpt.length}`)
})

t.test('what is owed and until when are those of the order, and come once', async (t) => {
  const { consume, notices } = await createWorld(t)
  const [seller, buyer, item] = ids()
  const order = orderEvents(item, buyer, seller)
  await consume([order.created, order.created, order.overdue])
  await consume([order.overdue, order.created])
  const rows = await notices(buyer)
  t.strictSame(
    rows.map(({ template, sequence }) => [template, sequence]),
    [
      ['order_due', 1],
      ['order_overdue', 5],
    ],
  )
  const { payload } = order.created.envelope
  t.strictSame(rows[0]?.data, {
    orderId: payload.orderId,
    itemId: item,
    amount: '22.00',
    currencyCode: 'EUR',
    endDate: payload.dueAt,
  })
})

t.test('of several reminders only the latest stands in the inbox', async (t) => {
  const { consume, notices, dispatch } = await createWorld(t)
  const [seller, buyer, item] = ids()
  const order = orderEvents(item, buyer, seller)
  await consume([order.reminder(1), order.reminder(2)])
  await dispatch()
  t.strictSame(
    (await notices(buyer)).map(({ sequence, state }) => [sequence, state]),
    [
      [2, 'dropped'],
      [3, 'shown'],
    ],
  )
})
