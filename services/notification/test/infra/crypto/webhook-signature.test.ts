import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import {
  isWebhookSecret,
  newWebhookSecret,
  signatureHeaders,
  WEBHOOK_SECRET_PATTERN,
} from '#src/infra/crypto/webhook-signature.ts'

const payload = JSON.stringify({ type: 'test.v1', data: { text: 'grüße' } })

t.test('the library of Standard Webhooks verifies with either of two secrets', async (t) => {
  const [present, previous, other] = [newWebhookSecret(), newWebhookSecret(), newWebhookSecret()]
  const message = { id: 'a-message', instant: new Date(), payload }
  const headers = signatureHeaders(message, [present, previous])
  t.match(new Webhook(present).verify(payload, headers), { type: 'test.v1' })
  t.match(new Webhook(previous).verify(payload, headers), { type: 'test.v1' })
  t.throws(() => new Webhook(other).verify(payload, headers), /No matching signature/)
  t.throws(() => new Webhook(present).verify(`${payload} `, headers), /No matching signature/)
  t.throws(() => new Webhook(present).verify(payload, { ...headers, 'webhook-id': 'b' }))
  const late = signatureHeaders({ ...message, instant: new Date(Date.now() - 360_000) }, [present])
  t.throws(() => new Webhook(present).verify(payload, late), /too old/)
})

t.test('a secret has 24 to 64 bytes in base64', async (t) => {
  const pattern = new RegExp(WEBHOOK_SECRET_PATTERN)
  const secretOf = (bytes: number) => `whsec_${randomBytes(bytes).toString('base64')}`
  for (const secret of [newWebhookSecret(), secretOf(24), secretOf(25), secretOf(64)]) {
    t.ok(isWebhookSecret(secret), secret)
    t.match(secret, pattern)
  }
  const bad = [
    secretOf(23),
    secretOf(65),
    secretOf(32).slice(6),
    secretOf(32).replace('=', ''),
    `whsec_${'-'.repeat(43)}=`,
    '',
  ]
  for (const secret of bad) t.notOk(isWebhookSecret(secret) && pattern.test(secret), secret)
})
