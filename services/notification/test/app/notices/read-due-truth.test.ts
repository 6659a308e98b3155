import t from 'tap'
import { readDueTruth } from '#src/app/notices/read-due-truth.ts'
import { closed, commented, created, deleted, ids, outbid, placed, won } from '#test/events.ts'
import { call, createWorld, giveAllBrowsers, HOLD_MS, type World } from '#test/helper.ts'

const INBOX = '/api/v1/notifications'

/** What a sender is answered of all deliveries that are queued, as `channel template: reason`. */
async function ask({ db, deliveries }: World): Promise<string[]> {
  const queued = (await deliveries()).filter(({ state }) => state === 'queued').map(({ id }) => id)
  const truths = await db.transaction().execute((tx) => readDueTruth(tx, queued))
  return truths
    .map(({ channel, template, reason }) => `${channel} ${template}: ${reason ?? 'sent'}`)
    .sort()
}

async function outbidNotice(t: Parameters<typeof createWorld>[0]) {
  const world = await createWorld(t)
  await giveAllBrowsers(world)
  const ann = world.person()
  const [item, other] = ids()
  await world.consume([created(item, other, 'A vase'), outbid(item, 3, ann.id)])
  await world.letTimePass(HOLD_MS)
  await world.dispatch()
  return { world, ann, item, other }
}

t.test('a delivery that is still true is sent, with what its message needs', async (t) => {
  const { world, ann, item } = await outbidNotice(t)
  t.same(await ask(world), ['mail outbid: sent', 'push outbid: sent'])
  const ids = (await world.deliveries()).map(({ id }) => id)
  const [truth] = await world.db.transaction().execute((tx) => readDueTruth(tx, ids))
  t.match(truth, {
    userId: ann.id,
    template: 'outbid',
    data: { itemId: item, itemName: 'A vase', amount: '12.00', currencyCode: 'EUR' },
    happenedAt: Date,
    reason: undefined,
  })
})

t.test('it is dropped when its user leads again, or the lot is over', async (t) => {
  const { world, ann, item, other } = await outbidNotice(t)
  await world.consume([placed(item, 4, ann.id)])
  t.same(await ask(world), ['mail outbid: leads_again', 'push outbid: leads_again'])
  await world.consume([placed(item, 5, other)])
  t.same(await ask(world), ['mail outbid: sent', 'push outbid: sent'], 'and outbid once more')
  await world.consume([closed(item, 6)])
  t.same(await ask(world), ['mail outbid: lot_closed', 'push outbid: lot_closed'])
})

t.test('it is dropped when a later one is recorded, although that one still waits', async (t) => {
  const { world, ann, item } = await outbidNotice(t)
  await world.consume([outbid(item, 5, ann.id)])
  t.same(await ask(world), ['mail outbid: superseded', 'push outbid: superseded'])
})

t.test('what was read in the inbox, or switched off since, is not sent', async (t) => {
  const { world, ann, item, other } = await outbidNotice(t)
  await world.consume([won(item, 6, ann.id, other), commented(item, other, ann.id)])
  await world.dispatch()
  const off = { choices: { questions: { mail: 'off' }, purchases: { push: 'off' } } }
  await call(world, 'PATCH', `${INBOX}/preferences`, { as: ann, body: off })
  const [notice] = (await world.notices(ann.id)).filter(({ template }) => template === 'outbid')
  await call(world, 'POST', `${INBOX}/${notice?.id}/read`, { as: ann })
  t.same(await ask(world), [
    'mail outbid: read',
    'mail question: switched_off',
    'mail sold: sent',
    'mail won: sent',
    'push outbid: read',
    'push question: sent',
    'push sold: sent',
    'push won: switched_off',
  ])
  const { body } = await call(world, 'GET', INBOX, { as: ann })
  const upTo = body.notifications[0].id
  await call(world, 'POST', `${INBOX}/read`, { as: ann, body: { upTo } })
  const mails = (await ask(world)).filter((line) => line.startsWith('mail won'))
  t.same(mails, ['mail won: sent'], 'mail about money is sent also when it was read')
})

t.test('a sender that was away for a day sends no old news', async (t) => {
  const { world } = await outbidNotice(t)
  await world.letTimePass(23 * 3_600_000)
  t.same(await ask(world), ['mail outbid: sent', 'push outbid: sent'])
  await world.letTimePass(3_600_000)
  t.same(await ask(world), ['mail outbid: outdated', 'push outbid: outdated'])
})

t.test('deliveries of a deleted user are not there any more', async (t) => {
  const { world, ann } = await outbidNotice(t)
  const ids = (await world.deliveries()).map(({ id }) => id)
  await world.consume([deleted(ann.id)])
  t.same(await world.db.transaction().execute((tx) => readDueTruth(tx, ids)), [])
  t.same(await world.db.transaction().execute((tx) => readDueTruth(tx, [])), [])
})
