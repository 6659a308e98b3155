import {
  escapeBodies,
  freeStringsOf,
  kindNames,
  largestTexts,
  namesOf,
  placesOf,
  unreadColumns,
} from '@auction/common/testing/written-texts.ts'
import t from 'tap'
import { TEXTS } from '#src/domain/texts.ts'
import { type Called, callAs, createWorld, DAY_MS, paidOrder, type World } from '#test/helper.ts'

const ADDRESS = { name: 'Ann', line1: 'Road 1', city: 'Town', country: 'DE' }
const MODERATOR = { roles: ['user', 'moderator'] }

const sendAddress =
  (field: string) =>
  async (world: World, text: string): Promise<Called> => {
    const { id, buyerId } = await world.win()
    const body = { method: 'shipping', address: { ...ADDRESS, [field]: text } }
    return callAs(world, buyerId, 'PUT', `/api/v1/orders/${id}/delivery`, body)
  }

/** A disputed order, of which the answer is overdue. */
async function disputed(world: World) {
  const { id, buyerId } = await paidOrder(world)
  const url = `/api/v1/orders/${id}/dispute`
  await callAs(world, buyerId, 'POST', url, { reason: 'other', message: 'No.' })
  await world.letTimePass(6 * DAY_MS)
  return { url, buyerId }
}

/** One request for each place where people write a text. */
const SENDERS: Record<string, (world: World, text: string) => Promise<Called>> = {
  'PUT /api/v1/orders/{id}/delivery body.address.name': sendAddress('name'),
  'PUT /api/v1/orders/{id}/delivery body.address.line1': sendAddress('line1'),
  'PUT /api/v1/orders/{id}/delivery body.address.line2': sendAddress('line2'),
  'PUT /api/v1/orders/{id}/delivery body.address.postalCode': sendAddress('postalCode'),
  'PUT /api/v1/orders/{id}/delivery body.address.city': sendAddress('city'),
  'PUT /api/v1/orders/{id}/delivery body.address.region': sendAddress('region'),
  'POST /api/v1/orders/{id}/dispute body.message': async (world, message) => {
    const { id, buyerId } = await paidOrder(world)
    const url = `/api/v1/orders/${id}/dispute`
    return callAs(world, buyerId, 'POST', url, { reason: 'other', message })
  },
  'POST /api/v1/orders/{id}/dispute/messages body.message': async (world, message) => {
    const { url, buyerId } = await disputed(world)
    return callAs(world, buyerId, 'POST', `${url}/messages`, { message })
  },
  'POST /api/v1/orders/{id}/dispute/resolution body.message': async (world, message) => {
    const { url } = await disputed(world)
    const body = { resolution: 'seller', message }
    const moderatorId = '0198c0de-0000-7000-8000-0000000000ff'
    return callAs(world, moderatorId, 'POST', `${url}/resolution`, body, MODERATOR)
  },
  'POST /api/v1/orders/{id}/refund-settlement body.message': async (world, message) => {
    const { url } = await disputed(world)
    const moderatorId = '0198c0de-0000-7000-8000-0000000000ff'
    const decision = { resolution: 'buyer', message: 'Yes.' }
    await callAs(world, moderatorId, 'POST', `${url}/resolution`, decision, MODERATOR)
    const path = `${url.replace(/dispute$/, '')}refund-settlement`
    return callAs(world, moderatorId, 'POST', path, { outcome: 'resumed', message }, MODERATOR)
  },
}

t.test('every string that people write is read as one, and no other is', async (t) => {
  const { app } = await createWorld(t)
  const strings = await freeStringsOf(app)
  const { texts, others } = placesOf(strings)
  t.strictSame(texts, Object.keys(SENDERS).sort(), 'the list of texts')
  t.strictSame(others, [
    'POST /api/v1/orders/{id}/collection body.code',
    'POST /api/v1/orders/{id}/dispute/resolution body.refundAmount',
    'POST /api/v1/orders/{id}/shipments body.trackingNumber',
  ])
  t.strictSame(kindNames(strings), namesOf(TEXTS))
})

t.test(
  'every text is composed and trimmed, and nothing in it controls what is around it',
  async (t) => {
    const world = await createWorld(t)
    for (const [place, send] of Object.entries(SENDERS)) {
      const written = await send(world, `\u00a0${'Ä é й 한 が'.normalize('NFD')}\u200b`)
      t.ok(written.statusCode < 300, `${place}: ${JSON.stringify(written.body)}`)
      for (const wrong of ['a\0b', 'a\x1bb', 'a\u202eb', 'a\ud800b']) {
        const { statusCode } = await send(world, wrong)
        t.ok([400, 422].includes(statusCode), `${place}: ${JSON.stringify(wrong)}: ${statusCode}`)
      }
    }
    t.strictSame(await unreadColumns(world.database.pool), [])
  },
)

t.test(
  'the largest text of every kind arrives, also when its characters are escaped',
  async (t) => {
    const world = await createWorld(t)
    escapeBodies(world.app)
    for (const { place, text } of await largestTexts(world.app, TEXTS)) {
      const send = SENDERS[place]
      if (send === undefined) continue
      const answer = await send(world, text)
      t.ok(answer.statusCode < 300, `${place}: ${JSON.stringify(answer.body).slice(0, 200)}`)
    }
  },
)
