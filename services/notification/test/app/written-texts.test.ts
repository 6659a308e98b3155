import { randomUUID } from 'node:crypto'
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
import { createBrowser } from '#test/browser.ts'
import { createWebhookWorld, type Reply, type WebhookWorld } from '#test/webhook-world.ts'

type Sender = (world: WebhookWorld, text: string) => Promise<Reply>

const URL = 'https://hooks.example/'

/** One request for each place where people write a text. */
const SENDERS: Record<string, Sender> = {
  'POST /api/v1/webhook-endpoints body.description': ({ call }, description) =>
    call('POST', '', { body: { url: URL, description } }),
  'PATCH /api/v1/webhook-endpoints/{id} body.description': async (
    { call, createEndpoint },
    description,
  ) => call('PATCH', `/${(await createEndpoint(URL)).id}`, { body: { description } }),
  'POST /api/v1/push-subscriptions body.label': async ({ app, identity }, label) => {
    browsers += 1
    const response = await app.inject({
      method: 'POST',
      url: '/api/v1/push-subscriptions',
      headers: { authorization: `Bearer ${identity.token(randomUUID())}` },
      payload: { endpoint: endpointOf(browsers), keys: createBrowser().keys, label },
    })
    return { statusCode: response.statusCode, body: response.json() }
  },
}

const endpointOf = (count: number) => `https://push.example/${count}`
let browsers = 0

/** Strings that no person writes: tokens and return addresses are signed, and a report is a mail of a program. */
const OTHERS = [
  'GET /api/v1/notifications/unsubscribe query.token',
  'POST /api/v1/notifications/unsubscribe query.token',
  'POST /webhooks/mail body.reports.returnAddress',
  'POST /webhooks/mail/raw body',
]

t.test('every string that people write is read as one, and no other is', async (t) => {
  const { app } = await createWebhookWorld(t)
  const strings = await freeStringsOf(app)
  const { texts, others } = placesOf(strings)
  t.strictSame(texts, Object.keys(SENDERS).sort(), 'the list of texts')
  t.strictSame(others, OTHERS, 'the list of other strings')
  t.strictSame(kindNames(strings), namesOf(TEXTS))
})

t.test('every text is composed and trimmed, and may be empty', async (t) => {
  const world = await createWebhookWorld(t)
  for (const [place, send] of Object.entries(SENDERS)) {
    const written = await send(world, `\u00a0${'Ä é й 한 が'.normalize('NFD')}\u200b`)
    t.ok(written.statusCode < 300, `${place}: ${JSON.stringify(written.body)}`)
    t.ok((await send(world, '\u3164\u2800\u200b')).statusCode < 300, place)
    for (const wrong of ['a\0b', 'a\x1bb', 'a\u202eb', 'a\ud800b']) {
      t.equal((await send(world, wrong)).statusCode, 400, `${place}: ${JSON.stringify(wrong)}`)
    }
    await world.database.pool.query(`update webhook_endpoints set state = 'deleted'`)
  }
  t.strictSame(await unreadColumns(world.database.pool), [])
})

t.test(
  'the largest text of every kind arrives, also when its characters are escaped',
  async (t) => {
    const world = await createWebhookWorld(t)
    escapeBodies(world.app)
    for (const { place, text } of await largestTexts(world.app, TEXTS)) {
      const send = SENDERS[place]
      if (send === undefined) continue
      const answer = await send(world, text)
      t.ok(answer.statusCode < 300, `${place}: ${JSON.stringify(answer.body)}`)
    }
  },
)
