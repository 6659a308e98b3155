import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { createNoticeMailer } from '#src/app/mail/send-notices.ts'
import { createServerPause } from '#src/app/mail/server-pause.ts'
import { addressDigest } from '#src/infra/crypto/address-digest.ts'
import { abandonDeliveries, readDeliveryLag } from '#src/infra/postgres/mail/mail-deliveries.ts'
import { readSuppression, suppressAddress } from '#src/infra/postgres/mail/suppressions.ts'
import { deleted, inMinutes, placed } from '#test/events.ts'
import { call } from '#test/helper.ts'
import { countOf, IMPATIENT } from '#test/mail-world.ts'
import { createNoticeMailWorld } from '#test/notice-mail-world.ts'

const MINUTE_MS = 60_000

t.test('a notice is mailed with its item in the subject and a way to end such mails', async (t) => {
  const { reader, outbid, send, server, book, states, registry } = await createNoticeMailWorld(t)
  const ann = reader({ email: 'Ann@example.test' })
  const [item] = await outbid(ann, ['Brass lamp'])
  await send()
  t.equal(server.received.length, 1)
  const [mail] = server.received
  t.equal(mail?.subject, 'You were outbid: Brass lamp')
  t.strictSame(mail?.envelope.to, ['Ann@example.test'])
  t.match(mail?.text, 'Hello Ann Lee,')
  t.match(mail?.text, `Bid again:\nhttps://auction.example/lots/${item}`)
  t.match(mail?.text, 'You get this mail because you want mails about auctions that you bid in.')
  t.match(mail?.html, 'No more mails about auctions that you bid in')
  const list = mail?.headers.get('list') as { unsubscribe?: { url: string } }
  t.match(
    list.unsubscribe?.url,
    /^https:\/\/auction\.example\/api\/v1\/notifications\/unsubscribe\?token=/,
  )
  t.equal(mail?.headers.get('list-unsubscribe-post'), undefined)
  t.match(mail?.raw.toString(), 'List-Unsubscribe-Post: List-Unsubscribe=One-Click')
  t.equal(mail?.headers.get('x-auction-template'), 'outbid')
  t.strictSame(await states(), ['sent'])
  t.strictSame(book.asked, [1])
  t.equal(await countOf(registry, 'sent'), 1)
})

t.test('a mail that money depends on cannot be ended', async (t) => {
  const { reader, win, send, server } = await createNoticeMailWorld(t)
  await win(reader(), 'Brass lamp')
  await send()
  const [mail] = server.received
  t.equal(mail?.subject, 'You won: Brass lamp')
  t.notMatch(mail?.raw.toString(), /unsubscribe/i)
  t.match(mail?.text, 'depends on it. It cannot be switched off')
})

t.test(
  'many notices of a user are one mail, and the next of these waits five minutes',
  async (t) => {
    const { reader, outbid, win, send, server, letTimePass, states } =
      await createNoticeMailWorld(t)
    const ann = reader()
    await outbid(ann, ['First', 'Second', 'Third'])
    await send()
    t.equal(server.received.length, 1)
    t.match(server.received[0]?.subject, /^You were outbid: \w+ – and 2 more$/)
    t.match(server.received[0]?.text, 'You were outbid on 3 items')
    for (const name of ['First', 'Second', 'Third'])
      t.match(server.received[0]?.html, `>${name}</a>`)
    await outbid(ann, ['Fourth'])
    await send()
    await outbid(ann, ['Fifth'])
    await send()
    t.equal(server.received.length, 1, 'those that may wait do')
    await win(ann, 'Sixth')
    await send()
    t.equal(server.received.length, 2, 'those that may not do not')
    t.equal(server.received[1]?.subject, 'You won: Sixth')
    await letTimePass(5 * MINUTE_MS)
    await send()
    t.equal(server.received.length, 3)
    t.match(server.received[2]?.subject, /– and one more$/)
    t.strictSame([...new Set(await states())], ['sent'])
  },
)

t.test('a lot that ends in a few minutes is worth a mail of its own', async (t) => {
  const { reader, outbid, send, server } = await createNoticeMailWorld(t)
  const ann = reader()
  await outbid(ann, ['Slow'])
  await send()
  await outbid(ann, ['Urgent'], inMinutes(5))
  await send()
  t.equal(server.received[1]?.subject, 'You were outbid: Urgent')
})

t.test('a mail says at most thirty things, and that there are more', async (t) => {
  const { reader, outbid, send, server, states } = await createNoticeMailWorld(t)
  const ann = reader()
  await outbid(
    ann,
    Array.from({ length: 33 }, (_, index) => `Item ${index}`),
  )
  await send()
  t.equal(server.received.length, 1)
  t.equal(server.received[0]?.text?.match(/^\* Item /gm)?.length, 30)
  t.match(server.received[0]?.text, '3 more are in your inbox.')
  t.strictSame(
    await states(),
    Array.from({ length: 33 }, () => 'sent'),
  )
})

t.test('what is no longer true when it is sent is not sent', async (t) => {
  const { reader, outbid, send, server, states, consume, registry } = await createNoticeMailWorld(t)
  const ann = reader()
  const [item = ''] = await outbid(ann, ['Lamp', 'Vase'])
  await consume([placed(item, 4, ann.id)])
  await send()
  t.equal(server.received.length, 1)
  t.equal(server.received[0]?.subject, 'You were outbid: Vase')
  t.strictSame((await states()).sort(), ['dropped: leads_again', 'sent'])
  t.equal(await countOf(registry, 'dropped'), 1)
})

t.test(
  'users without an address that counts get nothing, suspended ones what money depends on',
  async (t) => {
    const world = await createNoticeMailWorld(t)
    const { person, reader, outbid, win, send, server, states } = world
    const gone = person()
    const suspended = reader({ standing: 'suspended' })
    await outbid(gone, ['Lamp'])
    await outbid(suspended, ['Vase'])
    await win(suspended, 'Clock')
    await send()
    t.strictSame(await states(gone.id), ['dropped: no_address'])
    t.strictSame((await states(suspended.id)).sort(), ['dropped: suspended', 'sent'])
    t.strictSame(
      server.received.map(({ subject }) => subject),
      ['You won: Clock'],
    )
  },
)

t.test('a user who is deleted between event and mail gets none', async (t) => {
  const { reader, win, send, server, consume, book, deliveries } = await createNoticeMailWorld(t)
  const ann = reader()
  await win(ann, 'Lamp')
  await consume([deleted(ann.id)])
  await send()
  t.equal(server.received.length, 0)
  t.strictSame(await deliveries(ann.id), [])
  t.strictSame(book.asked, [], 'identity is not even asked')
})

t.test('a suppressed address gets no notices, until it is released', async (t) => {
  const { reader, win, send, server, states, db, registry } = await createNoticeMailWorld(t)
  const ann = reader({ email: 'Ann@example.test' })
  await suppressAddress(db, addressDigest('ann@example.test'), 'complaint')
  await win(ann, 'Lamp')
  await send()
  t.strictSame(await states(), ['dropped: suppressed'])
  t.equal(server.received.length, 0)
  t.equal(await countOf(registry, 'suppressed'), 1)
})

t.test('an address that is refused as unknown is suppressed; others go on', async (t) => {
  const { reader, win, send, server, states, db } = await createNoticeMailWorld(t)
  const [ann, ben] = [reader({ email: 'gone@example.test' }), reader()]
  server.behaviour = {
    onRecipient: (address) => (address.startsWith('gone') ? '550 5.1.1 no such user' : undefined),
  }
  await win(ann, 'Lamp')
  await win(ben, 'Vase')
  await send()
  t.strictSame(await states(ann.id), ['failed: smtp_550'])
  t.strictSame(await states(ben.id), ['sent'])
  t.equal(await readSuppression(db, addressDigest('gone@example.test')), 'refused')
})

t.test('while identity cannot be asked, notices wait', async (t) => {
  const { reader, win, send, server, states, book } = await createNoticeMailWorld(t)
  await win(reader(), 'Lamp')
  book.mode = 'down'
  await t.rejects(send(), { code: 'service.unavailable' })
  t.strictSame(await states(), ['queued'])
  book.mode = 'up'
  await send()
  t.equal(server.received.length, 1)
})

t.test('notices wait while the server is down for an hour, and go when it is back', async (t) => {
  const { reader, outbid, win, send, server, states, deps, db } = await createNoticeMailWorld(t)
  const people = [reader(), reader(), reader()]
  for (const person of people) await win(person, 'Lamp')
  await outbid(people[0] ?? reader(), ['Vase'])
  await server.down()
  for (let minutes = 0; minutes < 60; minutes += 1) await send()
  t.strictSame(await states(), ['queued', ...Array(3).fill('queued: no_connection')])
  t.ok((await readDeliveryLag(db)) > 0)
  await send({ ...deps, pause: createServerPause(() => 0) })
  await server.up()
  await send()
  await send()
  t.strictSame(await states(), ['sent', 'sent', 'sent', 'sent'])
  t.equal(server.received.length, 4)
})

t.test('a mail that is refused for now is put together again when it is tried again', async (t) => {
  const { reader, outbid, send, server, states, letTimePass } = await createNoticeMailWorld(t)
  const ann = reader()
  server.behaviour = { onData: '451 4.3.0 later' }
  await outbid(ann, ['Lamp'])
  await send()
  t.strictSame(await states(), ['queued: smtp_451'])
  server.behaviour = {}
  await outbid(ann, ['Vase'])
  await letTimePass(2 * MINUTE_MS)
  await send()
  t.equal(server.received.length, 1)
  t.match(server.received[0]?.subject, /– and one more$/)
  t.strictSame(await states(), ['sent', 'sent'])
})

t.test('a mail that is refused for now for a whole day has failed', async (t) => {
  const { reader, win, send, server, states, letTimePass } = await createNoticeMailWorld(t)
  server.behaviour = { onRecipient: () => '450 4.2.0 busy' }
  await win(reader(), 'Lamp')
  for (let tries = 1; tries <= 28; tries += 1) {
    t.strictSame(await states(), [tries === 1 ? 'queued' : 'queued: smtp_450'])
    await send()
    await letTimePass(61 * MINUTE_MS)
  }
  t.strictSame(await states(), ['failed: smtp_450'])
})

t.test('a server that takes a mail and hangs is not sent the notice again', async (t) => {
  const world = await createNoticeMailWorld(t, IMPATIENT)
  const { reader, win, send, server, states, letTimePass } = world
  server.behaviour = { onData: 'hang' }
  await win(reader(), 'Lamp')
  await send()
  t.strictSame(await states(), ['unknown: no_answer'])
  server.behaviour = {}
  await letTimePass(60 * MINUTE_MS)
  await send()
  t.equal(server.offered, 1)
})

t.test('a mail that hangs holds up no other', async (t) => {
  const world = await createNoticeMailWorld(t)
  const { reader, win, server, deps, states } = world
  const [ann, ben] = [reader(), reader()]
  await win(ann, 'Lamp')
  server.behaviour = { onData: 'hang' }
  const mailer = createNoticeMailer(deps, 2)
  await mailer.run()
  await waitFor('the mail to hang', () => server.received.length === 1)
  server.behaviour = {}
  await win(ben, 'Vase')
  await mailer.run()
  await waitFor('the other mail', async () => (await states(ben.id))[0] === 'sent')
  t.strictSame(await states(ann.id), ['sending'])
  server.hangUp()
  await mailer.settled()
  t.strictSame(await states(ann.id), ['unknown: no_answer'])
})

t.test('two senders at once send every notice exactly once', async (t) => {
  const { reader, outbid, win, send, server, deps, another, states } =
    await createNoticeMailWorld(t)
  const people = Array.from({ length: 8 }, () => reader())
  for (const person of people) {
    await win(person, 'Lamp')
    await outbid(person, ['Vase', 'Clock'])
  }
  const other = another()
  await Promise.all([send(deps), send(other), send(deps), send(other)])
  await send()
  t.strictSame([...new Set(await states())], ['sent'])
  t.equal(server.received.length, 16)
  const subjects = Map.groupBy(server.received, ({ envelope }) => envelope.to[0])
  for (const [, mails] of subjects) {
    t.strictSame(mails.map(({ subject }) => subject?.split(':')[0]).sort(), [
      'You were outbid',
      'You won',
    ])
  }
})

t.test('a delivery whose process ended is not sent again', async (t) => {
  const { reader, win, send, server, states, database, db } = await createNoticeMailWorld(t)
  await win(reader(), 'Lamp')
  await database.pool.query(
    `update deliveries set state = 'sending', message_id = gen_random_uuid() where channel = 'mail'`,
  )
  t.equal(await abandonDeliveries(db, 600), 0, 'not while it may still be under way')
  await database.pool.query(
    `update deliveries set changed_at = clock_timestamp() - interval '11 minutes'`,
  )
  t.equal(await abandonDeliveries(db, 600), 1)
  await send()
  t.strictSame(await states(), ['unknown: no_answer'])
  t.equal(server.offered, 0)
})

t.test('a mail is in the language and zone that its user chose', async (t) => {
  const world = await createNoticeMailWorld(t)
  const { reader, outbid, send, server } = world
  const ann = reader({ name: 'Ayşe' })
  const body = { language: 'tr', timeZone: 'Europe/Istanbul' }
  t.equal(
    (await call(world, 'PATCH', '/api/v1/notifications/preferences', { as: ann, body })).statusCode,
    200,
  )
  await outbid(ann, ['Pirinç lamba', 'Saat'])
  await send()
  t.match(server.received[0]?.subject, /^Teklifiniz geçildi: .* – ve bir bildirim daha$/)
  t.match(server.received[0]?.text, 'Merhaba Ayşe,')
  t.match(server.received[0]?.text, '2 üründe teklifiniz geçildi')
  t.match(server.received[0]?.text, /GMT\+3/)
})

t.test('a hostile name of an item is text in the mail', async (t) => {
  const { reader, outbid, send, server } = await createNoticeMailWorld(t)
  const name = '<img src=x onerror=alert(1)> "\'& {item}'
  await outbid(reader(), [name])
  await send()
  t.equal(server.received[0]?.subject, `You were outbid: ${name}`)
  t.match(server.received[0]?.html, '&lt;img src=x onerror=alert(1)&gt; &quot;&#39;&amp; {item}')
  t.notMatch(server.received[0]?.html, /<img/)
})
