import { randomUUID } from 'node:crypto'
import type { Teardown } from '@auction/common/testing/database.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { sendNextSecurityMail } from '#src/app/mail/send-security-mails.ts'
import { createServerPause } from '#src/app/mail/server-pause.ts'
import { addressDigest } from '#src/infra/crypto/address-digest.ts'
import { purgeMails, readMailLag, repeatAbandonedMails } from '#src/infra/postgres/mail/mails.ts'
import { readSuppression, suppressAddress } from '#src/infra/postgres/mail/suppressions.ts'
import { countOf, createMailWorld, IMPATIENT } from '#test/mail-world.ts'

t.test('a mail has the link with its opened secret, and the address is not kept', async (t) => {
  const { server, queue, send, mailOf, pool } = await createMailWorld(t)
  const id = await queue({ template: 'reset_password', secret: 'secret-1' })
  const { rows } = await pool.query('select mails::text as row from mails')
  t.notMatch(rows[0].row, 'secret-1')
  await send()
  t.equal(server.received.length, 1)
  const [mail] = server.received
  const link = 'https://auction.example/account/reset#token=secret-1'
  t.equal(mail?.subject, 'Your link to a new password')
  t.match(mail?.text, `Set a new password:\n${link}`)
  t.match(mail?.html, `href="${link}"`)
  t.match(mail?.text, 'Hello Ann Lee,')
  t.match(mail?.text, /The link works once, until .* UTC\./)
  t.equal(mail?.messageId, `<${id}@example.test>`)
  t.equal(mail?.headers.get('x-auction-template'), 'reset_password')
  t.notOk(mail?.headers.has('list-unsubscribe'))
  t.match(await mailOf(id), {
    state: 'sent',
    recipient: null,
    name: null,
    link: null,
    sealed_secret: null,
    tries: 1,
  })
})

t.test('a mail is in the language and zone of its user', async (t) => {
  const { server, queue, send, pool } = await createMailWorld(t)
  const userId = randomUUID()
  await pool.query(
    `insert into readers (user_id, language, time_zone) values ($1, 'de', 'Asia/Tokyo')`,
    [userId],
  )
  await queue({ userId, template: 'reset_password', secret: 's' })
  await send()
  t.equal(server.received[0]?.subject, 'Ihr Link zu einem neuen Passwort')
  t.match(server.received[0]?.text, /bis .* GMT\+9\./)
})

t.test('a name that is an address or markup is not repeated as such', async (t) => {
  const { server, queue, send } = await createMailWorld(t)
  await queue({
    to: 'ann@example.test',
    name: 'ann@example.test',
    template: 'verify_email',
    secret: 's',
  })
  await queue({ name: 'Win at https://evil.example' })
  await queue({ name: '<img src=x>\r\n\u202eAnn' })
  await send()
  const [unnamed, advertised, markup] = server.received
  t.match(unnamed?.text, /^Hello,\n/)
  t.match(advertised?.text, /^Hello,\n/)
  t.match(markup?.text, 'Hello <img src=x> Ann,')
  t.match(markup?.html, 'Hello &lt;img src=x&gt; Ann,')
})

t.test('mails wait while the server is down for an hour, and go when it is back', async (t) => {
  const world = await createMailWorld(t)
  const { server, queue, send, makeDue, mailOf, registry, db } = world
  const id = await queue({ outdatedAt: new Date(Date.now() + 7_200_000) })
  await server.down()
  for (let minutes = 0; minutes < 60; minutes += 1) {
    await makeDue()
    await send()
  }
  t.match(await mailOf(id), { state: 'queued', reason: 'no_connection', tries: 0 })
  t.equal(await countOf(registry, 'unreachable'), 60)
  await makeDue()
  t.ok((await readMailLag(db)) >= 0)
  await server.up()
  await send()
  t.match(await mailOf(id), { state: 'sent', tries: 1 })
  t.equal(server.received.length, 1)
})

t.test('a server that is not there is asked again after a pause, which grows', async (t) => {
  let nowMs = 0
  const pause = createServerPause(() => nowMs)
  const pauses = [1, 2, 3, 4, 5, 6, 7].map(() => {
    pause.failed()
    const from = nowMs
    while (!pause.isOver()) nowMs += 1_000
    return (nowMs - from) / 1_000
  })
  t.strictSame(pauses, [2, 4, 8, 16, 32, 60, 60])
  pause.failed()
  pause.failed()
  pause.worked()
  t.ok(pause.isOver())
  const { server, queue, deps, mailOf } = await createMailWorld(t)
  const [first, second] = [await queue(), await queue()]
  await server.down()
  const worker = { ...deps, pause: createServerPause(() => 0) }
  t.equal(await sendNextSecurityMail(worker), true)
  t.equal(await sendNextSecurityMail(worker), false, 'the second one is not even tried')
  t.match(await mailOf(first), { state: 'queued', reason: 'no_connection' })
  t.match(await mailOf(second), { state: 'queued', reason: null })
})

t.test(
  'a mail that the server refuses for now is tried again later, until it is outdated',
  async (t) => {
    const { server, queue, send, makeDue, mailOf } = await createMailWorld(t)
    server.behaviour = { onRecipient: () => '451 4.7.1 greylisted' }
    const id = await queue()
    const short = await queue({ outdatedAt: new Date(Date.now() + 30_000) })
    await send()
    t.match(await mailOf(id), { state: 'queued', reason: 'smtp_451', tries: 1 })
    t.match(await mailOf(short), { state: 'failed', reason: 'smtp_451' }, 'its link would not work')
    server.behaviour = {}
    await send()
    t.equal(server.received.length, 0, 'not before the pause is over')
    await makeDue()
    await send()
    t.match(await mailOf(id), { state: 'sent', tries: 2 })
  },
)

t.test('one refused address fails alone, and gets no notices any more', async (t) => {
  const { server, queue, send, mailOf, db, registry } = await createMailWorld(t)
  server.behaviour = {
    onRecipient: (address) => (address.startsWith('gone') ? '550 5.1.1 no such user' : undefined),
  }
  const ids = [
    await queue({ to: 'ann@example.test' }),
    await queue({ to: 'Gone@example.test' }),
    await queue({ to: 'ben@example.test' }),
  ]
  server.behaviour.onRecipient = (address) =>
    /^gone/i.test(address) ? '550 5.1.1 no such user' : undefined
  await send()
  const states = await Promise.all(ids.map(async (id) => (await mailOf(id)).state))
  t.strictSame(states, ['sent', 'failed', 'sent'])
  t.equal(await readSuppression(db, addressDigest('gone@EXAMPLE.test')), 'refused')
  t.equal(await readSuppression(db, addressDigest('ann@example.test')), undefined)
  t.equal(await countOf(registry, 'failed'), 1)
})

t.test('a mail about security is sent to a suppressed address as well', async (t) => {
  const { server, queue, send, db } = await createMailWorld(t)
  await suppressAddress(db, addressDigest('ann@example.test'), 'complaint')
  await queue({ to: 'ann@example.test' })
  await send()
  t.equal(server.received.length, 1)
})

t.test('a server that takes a mail and hangs gets it once more, with the same id', async (t) => {
  const { server, queue, send, makeDue, mailOf, registry } = await createMailWorld(t, IMPATIENT)
  server.behaviour = { onData: 'hang' }
  const id = await queue()
  await send()
  t.match(await mailOf(id), { state: 'queued', reason: 'no_answer', is_repeated: true })
  await makeDue()
  await send()
  t.match(await mailOf(id), { state: 'unknown' })
  await makeDue()
  await send()
  t.equal(server.offered, 2)
  t.equal(new Set(server.received.map(({ messageId }) => messageId)).size, 1)
  t.equal(await countOf(registry, 'unknown'), 2)
})

t.test('a mail whose process ended while it sent is sent once more', async (t) => {
  const { server, queue, send, makeDue, mailOf, pool, db } = await createMailWorld(t)
  const id = await queue()
  await pool.query(`update mails set state = 'sending', tries = 1`)
  t.equal(await repeatAbandonedMails(db, 600), 0, 'not while it may still be under way')
  await pool.query(`update mails set changed_at = clock_timestamp() - interval '11 minutes'`)
  t.equal(await repeatAbandonedMails(db, 600), 1)
  await makeDue()
  await send()
  t.equal(server.received.length, 1)
  t.match(await mailOf(id), { state: 'sent' })
})

t.test('a mail that is outdated, or whose user is gone, is not sent', async (t) => {
  const { server, queue, send, mailOf, pool } = await createMailWorld(t)
  const userId = randomUUID()
  const outdated = await queue({ secret: 's', outdatedAt: new Date(Date.now() - 1_000) })
  const departed = await queue({ userId })
  const farewell = await queue({ template: 'account_deleted' })
  await pool.query('insert into departed_users (user_id) values ($1)', [userId])
  await send()
  t.match(await mailOf(outdated), { state: 'dropped', reason: 'outdated', recipient: null })
  t.match(await mailOf(departed), { state: 'dropped', reason: 'departed', recipient: null })
  t.match(await mailOf(farewell), { state: 'sent' })
  t.equal(server.received.length, 1)
})

t.test('several workers send every mail exactly once', async (t) => {
  const { server, queue, deps, another, pool } = await createMailWorld(t)
  for (let index = 0; index < 30; index += 1) await queue({ to: `user-${index}@example.test` })
  const run = async (worker: typeof deps) => {
    while (await sendNextSecurityMail(worker));
  }
  const other = another()
  await Promise.all([run(deps), run(deps), run(other), run(other)])
  const receivers = server.received.map(({ envelope }) => envelope.to[0])
  t.equal(receivers.length, 30)
  t.equal(new Set(receivers).size, 30)
  const { rows } = await pool.query(`select 1 from mails where state <> 'sent'`)
  t.equal(rows.length, 0)
})

t.test('mails that ended a month ago are deleted, and those that wait are not', async (t) => {
  const { queue, send, pool, db } = await createMailWorld(t)
  await queue()
  await send()
  await queue()
  await pool.query(`update mails set changed_at = clock_timestamp() - interval '31 days'`)
  t.equal(await purgeMails(db, 30, 100), 1)
  const { rows } = await pool.query('select state from mails')
  t.strictSame(rows, [{ state: 'queued' }])
})

t.test(
  'a reader without an account is addressed in the language that the mail came with',
  async (t) => {
    const { queue, send, server } = await createMailWorld(t)
    await queue({ language: 'de' })
    await queue({ language: 'tr', userId: randomUUID() })
    await send()
    t.match(
      server.received.map(({ headers }) => headers.get('subject')).sort(),
      ['Ihr Passwort wurde geändert', 'Your password was changed'],
      'an account has its own language, or the default',
    )
  },
)

/**
 * Two attempts at one mail: the process of the first was frozen for longer than its lease. Either ends with the
 * server's answer when that is given.
 */
async function startTwoAttempts(t: Teardown, answers: readonly [string, string]) {
  const world = await createMailWorld(t)
  const { server, queue, deps, another, pool, db, makeDue } = world
  const id = await queue()
  const begin = async (worker: typeof deps, onData: string) => {
    const answered = Promise.withResolvers<void>()
    let isThere = false
    const whileData = () => {
      isThere = true
      return answered.promise
    }
    server.behaviour = onData === '250' ? { whileData } : { whileData, onData }
    const ended = sendNextSecurityMail(worker)
    await waitFor('the mail at the server', () => isThere)
    return async () => {
      answered.resolve()
      await ended
    }
  }
  const endFirst = await begin(deps, answers[0])
  await pool.query(`update mails set changed_at = clock_timestamp() - interval '11 minutes'`)
  await repeatAbandonedMails(db, 600)
  await makeDue()
  return { ...world, id, endFirst, endSecond: await begin(another(), answers[1]) }
}

t.test('what an attempt says late does not touch a newer one that is under way', async (t) => {
  for (const late of ['550 5.7.1 no', '451 4.7.1 later']) {
    const { id, endFirst, endSecond, mailOf, server } = await startTwoAttempts(t, [late, '250'])
    await endFirst()
    t.match(await mailOf(id), { state: 'sending', tries: 2, is_repeated: true }, late)
    await endSecond()
    t.match(await mailOf(id), { state: 'sent', recipient: null, tries: 2 }, late)
    t.equal(server.received.length, 1)
  }
})

t.test('what an attempt says late does not touch how a newer one ended', async (t) => {
  for (const late of ['550 5.7.1 no', '451 4.7.1 later']) {
    const world = await startTwoAttempts(t, [late, '451 4.3.2 busy'])
    const { id, endFirst, endSecond, mailOf, pool } = world
    await endSecond()
    await pool.query(`update mails set state = 'unknown' where state = 'queued'`)
    await endFirst()
    t.match(await mailOf(id), { state: 'unknown', tries: 2 }, late)
  }
})

t.test('a mail that an attempt sent is sent, whatever a newer one comes to', async (t) => {
  const { id, endFirst, endSecond, mailOf } = await startTwoAttempts(t, ['250', '550 5.7.1 no'])
  await endFirst()
  t.match(await mailOf(id), { state: 'sent', recipient: null })
  await endSecond()
  t.match(await mailOf(id), { state: 'sent', recipient: null })
})
