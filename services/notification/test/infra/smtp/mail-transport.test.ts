import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import type { Teardown } from '@auction/common/testing/database.ts'
import { freePort } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import t from 'tap'
import {
  createMailTransport,
  type OutgoingMail,
  type SmtpOptions,
} from '#src/infra/smtp/mail-transport.ts'
import { startMailServer } from '#test/mail-server.ts'
import { IMPATIENT, log, smtpOptions } from '#test/mail-world.ts'

const UNSUBSCRIBE_URL = `https://auction.example/api/v1/notifications/unsubscribe?token=${'t'.repeat(120)}`

const mail = (changes: Partial<OutgoingMail> = {}): OutgoingMail => ({
  id: randomUUID(),
  to: 'ann@example.test',
  from: { name: 'Auction', address: 'auction@example.test' },
  bounceAddress: 'bounces@example.test',
  subject: 'You won: Brass lamp',
  text: 'Hello\n',
  html: '<p>Hello</p>',
  headers: { 'X-Auction-Template': 'won' },
  ...changes,
})

function open(t: Teardown, port: number, changes: Partial<SmtpOptions> = {}) {
  const transport = createMailTransport(smtpOptions(port, changes), log)
  t.teardown(() => transport.close())
  return transport
}

t.test('a mail arrives with its text, its page, its id and its envelope', async (t) => {
  const server = await startMailServer(t)
  const sent = mail({ subject: 'Kazandınız: “Lamba” für 5 €', unsubscribeUrl: UNSUBSCRIBE_URL })
  t.strictSame(await open(t, server.port).send(sent), { kind: 'sent' })
  t.match(server.received, [
    {
      subject: 'Kazandınız: “Lamba” für 5 €',
      text: 'Hello\n',
      html: '<p>Hello</p>',
      messageId: `<${sent.id}@example.test>`,
      envelope: { from: 'bounces@example.test', to: ['ann@example.test'] },
      from: { text: '"Auction" <auction@example.test>' },
    },
  ])
  const headers = server.received[0]?.headers
  t.equal(headers?.get('auto-submitted'), 'auto-generated')
  t.equal(headers?.get('x-auction-template'), 'won')
  t.match(server.received[0]?.raw.toString(), `List-Unsubscribe:\r\n <${UNSUBSCRIBE_URL}>\r\n`)
  t.match(
    server.received[0]?.raw.toString(),
    'List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n',
  )
})

t.test('a mail that cannot be ended has no header that says so', async (t) => {
  const server = await startMailServer(t)
  await open(t, server.port).send(mail())
  t.notMatch(server.received[0]?.raw.toString(), /list-unsubscribe/i)
})

t.test('hostile texts make no header and no second recipient', async (t) => {
  const server = await startMailServer(t)
  const transport = open(t, server.port)
  t.match(await transport.send(mail({ subject: 'Lamp\r\nBcc: all@example.test\r\n\r\nHi' })), {
    kind: 'sent',
  })
  t.equal(server.received[0]?.bcc, undefined)
  t.strictSame(server.received[0]?.envelope.to, ['ann@example.test'])
  t.match(server.received[0]?.subject, /^Lamp/)
  for (const to of ['a@example.test, b@example.test', 'a@x>\r\nRCPT TO:<b@x', 'a <b@x>', '']) {
    t.match(await transport.send(mail({ to })), { kind: 'failed', reason: 'not_an_address' })
  }
  t.equal(server.received.length, 1)
})

t.test(
  'an answer about this mail ends it or postpones it; any other says nothing of it',
  async (t) => {
    const server = await startMailServer(t)
    const transport = open(t, server.port)
    const sendWith = async (behaviour: typeof server.behaviour) => {
      server.behaviour = behaviour
      return transport.send(mail())
    }
    t.strictSame(await sendWith({ onRecipient: () => '550 5.1.1 no such user' }), {
      kind: 'failed',
      reason: 'smtp_550',
      isDeadAddress: true,
    })
    t.strictSame(await sendWith({ onRecipient: () => '550 5.7.1 relaying denied' }), {
      kind: 'failed',
      reason: 'smtp_550',
      isDeadAddress: false,
    })
    t.strictSame(await sendWith({ onRecipient: () => '451 4.2.2 mailbox is full' }), {
      kind: 'postponed',
      reason: 'smtp_451',
    })
    t.strictSame(await sendWith({ onData: '554 5.6.0 looks like spam' }), {
      kind: 'failed',
      reason: 'smtp_554',
      isDeadAddress: false,
    })
    t.strictSame(await sendWith({ onData: '550 5.1.1 no such user' }), {
      kind: 'failed',
      reason: 'smtp_550',
      isDeadAddress: true,
    })
    t.strictSame(await sendWith({ onData: '452 4.3.1 disk is full' }), {
      kind: 'postponed',
      reason: 'smtp_452',
    })
    t.strictSame(await sendWith({ onSender: '550 5.7.1 who are you' }), {
      kind: 'unreachable',
      reason: 'smtp_550',
    })
    t.strictSame(await sendWith({}), { kind: 'sent' })
    t.equal(server.received.length, 1)
  },
)

t.test(
  'silence after the mail was sent leaves its outcome open, silence before does not',
  async (t) => {
    const server = await startMailServer(t)
    server.behaviour = { onData: 'hang' }
    const transport = open(t, server.port, IMPATIENT)
    t.strictSame(await transport.send(mail()), { kind: 'unknown', reason: 'no_answer' })
    t.equal(server.received.length, 1, 'the server has it')
    server.behaviour = {}
    t.strictSame(await transport.send(mail()), { kind: 'sent' }, 'and the next one goes')
    const closed = open(t, await freePort())
    t.strictSame(await closed.send(mail()), { kind: 'unreachable', reason: 'no_connection' })
    const mute = createServer()
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    t.teardown(() => mute.close())
    const { port } = mute.address() as { port: number }
    const toMute = open(t, port, { connectTimeoutMs: 300 })
    t.strictSame(await toMute.send(mail()), { kind: 'unreachable', reason: 'no_connection' })
  },
)

t.test('a server that ends the connection in the middle of a mail leaves it open', async (t) => {
  const server = await startMailServer(t)
  server.behaviour = { onData: 'hang' }
  const sending = open(t, server.port).send(mail())
  await waitFor('the mail', () => server.received.length === 1)
  server.hangUp()
  t.strictSame(await sending, { kind: 'unknown', reason: 'no_answer' })
  t.equal(server.offered, 1)
})

t.test('a connection that the server ended while it was idle costs no mail', async (t) => {
  const server = await startMailServer(t)
  const transport = open(t, server.port, { connectionsMax: 1 })
  t.match(await transport.send(mail()), { kind: 'sent' })
  server.hangUp()
  t.match(await transport.send(mail()), { kind: 'sent' })
  await server.down()
  await server.up()
  t.match(await transport.send(mail()), { kind: 'sent' })
  t.equal(server.received.length, 3)
})

t.test(
  'a server that answers without end is given up, and so is everything by a process that stops',
  async (t) => {
    const server = await startMailServer(t)
    server.behaviour = { onData: 'hang' }
    const transport = open(t, server.port, { deadlineMs: 10_000 })
    t.strictSame(await transport.send(mail()), { kind: 'unknown', reason: 'no_answer' })
  },
)

t.test('a signature of our own covers what one click needs', async (t) => {
  const server = await startMailServer(t)
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const transport = open(t, server.port, {
    dkim: { domain: 'example.test', selector: 'mail', privateKey },
  })
  t.match(await transport.send(mail({ unsubscribeUrl: UNSUBSCRIBE_URL })), { kind: 'sent' })
  const { results } = await dkimVerify(server.received[0]?.raw ?? '', {
    resolver: async (name: string) => {
      t.equal(name, 'mail._domainkey.example.test')
      return [[`v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`]]
    },
  })
  t.match(results, [{ status: { result: 'pass' }, signingDomain: 'example.test' }])
  const signed = String(results[0]?.signingHeaders?.keys).toLowerCase()
  for (const header of ['list-unsubscribe', 'list-unsubscribe-post', 'subject', 'from', 'to']) {
    t.ok(signed.split(/:\s*/).includes(header), header)
  }
})
