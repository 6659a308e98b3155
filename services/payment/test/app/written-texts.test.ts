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
import { createWorld, type World } from '#test/helper.ts'
import { captured } from './payments/buyer.ts'
import { freshly, refund, seller } from './payments/refunds.ts'
import { fresh, payOut, payoutsOfWorld, sell } from './payouts/payee.ts'

type Answer = Awaited<ReturnType<typeof refund>>

/** One request for each place where people write a text. */
const SENDERS: Record<string, (world: World, text: string) => Promise<Answer>> = {
  'POST /api/v1/payments/{id}/refunds body.reason': async (world, reason) => {
    const { order, payment } = await captured(world, world.person())
    const { orderId } = order
    return refund(world, seller(world), payment.id, { orderId, amount: '0.01', reason })
  },
  'POST /api/v1/billing/payouts/{id}/outcome body.reference': async (world, reference) => {
    const payee = fresh(world)
    const { headers } = world.person({ roles: ['user', 'admin'], auth_time: freshly() })
    const ask = (method: 'POST' | 'PUT', path: string, payload: object) =>
      world.app.inject({ method, url: `/api/v1/billing/${path}`, headers, payload })
    await ask('PUT', `payout-accounts/${payee.id}`, { reference: 'creditor-1' })
    await sell(world, payee.id, 5_000n)
    await payOut(world)
    const payout = (await payoutsOfWorld(world)).at(-1)
    return ask('POST', `payouts/${payout?.id}/outcome`, { outcome: 'done', reference })
  },
}

t.test('every string that people write is read as one, and no other is', async (t) => {
  const { app } = await createWorld(t)
  const strings = await freeStringsOf(app)
  const { texts, others } = placesOf(strings)
  t.strictSame(texts, Object.keys(SENDERS).sort(), 'the list of texts')
  const unnamed = others.filter((place) => !/ header\.idempotency-key$/.test(place))
  t.strictSame(unnamed, [
    'GET /api/v1/billing/commission query.amount',
    'POST /api/v1/billing/commission-rates body.maxAmount',
    'POST /api/v1/billing/commission-rates body.minAmount',
    'POST /api/v1/billing/payout-account/page body.returnUrl',
    'POST /api/v1/deposits body.provider',
    'POST /api/v1/deposits body.returnUrl',
    'POST /api/v1/payments body.provider',
    'POST /api/v1/payments body.returnUrl',
    'POST /api/v1/payments/{id}/refunds body.amount',
    'POST /webhooks/payments/{provider} path.provider',
  ])
  t.strictSame(kindNames(strings), namesOf(TEXTS))
})

t.test('every text is composed and trimmed, and shows what it says', async (t) => {
  const world = await createWorld(t)
  for (const [place, send] of Object.entries(SENDERS)) {
    const written = await send(world, `\u00a0${'Ä é й 한 が'.normalize('NFD')}\u200b`)
    t.ok(written.statusCode < 300, `${place}: ${written.body}`)
    for (const wrong of [
      '\u200b',
      ' \u00a0',
      'a\0b',
      'a\x1bb',
      'a\u202eb',
      'a\u2067b',
      'a\ud800b',
    ]) {
      const { statusCode } = await send(world, wrong)
      t.ok([400, 422].includes(statusCode), `${place}: ${JSON.stringify(wrong)}: ${statusCode}`)
    }
  }
  t.strictSame(await unreadColumns(world.database.pool), [])
})

t.test('a reason has lines, and its characters are counted as people count them', async (t) => {
  const world = await createWorld(t)
  const { order, payment } = await captured(world, world.person())
  const give = (reason: string) =>
    refund(world, seller(world), payment.id, { orderId: order.orderId, amount: '0.01', reason })
  t.equal(
    (await give('Broken.\r\nBoth sides agreed.')).json().reason,
    'Broken.\nBoth sides agreed.',
  )
  t.equal((await give('नि'.repeat(500))).statusCode, 201)
  t.match((await give('x'.repeat(501))).json(), {
    code: 'payment.invalid_reason',
    details: { field: 'reason', reason: 'too_long' },
  })
})

t.test(
  'the largest text of every kind arrives, also when its characters are escaped',
  async (t) => {
    const world = await createWorld(t)
    escapeBodies(world.app)
    for (const { place, text } of await largestTexts(world.app, TEXTS)) {
      const send = SENDERS[place]
      if (send === undefined) continue
      const answer = await send(world, text)
      t.ok(answer.statusCode < 300, `${place}: ${answer.body}`)
    }
  },
)
