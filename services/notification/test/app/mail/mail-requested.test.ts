import { randomBytes, randomUUID } from 'node:crypto'
import { mailRequested } from '@auction/common/contracts/identity.ts'
import { PermanentError } from '@auction/common/rabbitmq/consumer.ts'
import { createSecretBox, type SecretBox } from '@auction/common/secret-box.ts'
import t from 'tap'
import type { Static } from 'typebox'
import { deleted, event } from '#test/events.ts'
import { createWorld, type World } from '#test/helper.ts'

type Payload = Static<typeof mailRequested.payload>

function requested(changes: Partial<Payload> = {}, at?: Date) {
  const mailId = changes.mailId ?? randomUUID()
  const payload = { mailId, to: 'ann@example.test', name: 'Ann', template: 'password_changed' }
  const options = at === undefined ? {} : { at }
  return event(mailRequested, mailId, { ...payload, ...changes }, options)
}

function withLink(seal: SecretBox, expiresAt: Date) {
  const mailId = randomUUID()
  return requested({
    mailId,
    template: 'reset_password',
    link: 'https://auction.example/account/reset',
    sealedSecret: seal.seal('secret-1', mailId).toString('base64'),
    expiresAt: expiresAt.toISOString(),
  })
}

async function mails({ database }: World) {
  const { rows } = await database.pool.query('select * from mails order by created_at')
  return rows
}

t.test('a mail that identity asks for waits once, however often the event comes', async (t) => {
  const world = await createWorld(t)
  const asked = requested()
  await world.consume([asked, asked])
  await world.consume([asked])
  const again = requested({
    mailId: String(asked.envelope.payload.mailId),
    to: 'other@example.test',
  })
  await world.consume([again])
  t.match(await mails(world), [
    {
      id: asked.envelope.payload.mailId,
      recipient: 'ann@example.test',
      name: 'Ann',
      template: 'password_changed',
      state: 'queued',
      link: null,
      correlation_id: asked.envelope.correlationId,
    },
  ])
  t.equal((await mails(world)).length, 1)
})

t.test('a secret lies in the database as identity sealed it', async (t) => {
  const world = await createWorld(t)
  const expiresAt = new Date(Date.now() + 1_800_000)
  const asked = withLink(world.seal, expiresAt)
  await world.consume([asked])
  const [mail] = await mails(world)
  t.same(mail.outdated_at, expiresAt)
  t.equal(mail.sealed_secret.toString('base64'), asked.envelope.payload.sealedSecret)
  t.equal(mail.link, 'https://auction.example/account/reset')
  const { rows } = await world.database.pool.query('select mails::text as row from mails')
  t.notMatch(rows[0].row, 'secret-1')
})

t.test('news without a link is no news after a week, also when the event waited', async (t) => {
  const world = await createWorld(t)
  const at = new Date(Date.now() - 3_600_000)
  await world.consume([requested({}, at)])
  const [mail] = await mails(world)
  t.same(mail.outdated_at, new Date(at.getTime() + 7 * 86_400_000))
})

t.test('a mail that cannot be made becomes a dead letter at once', async (t) => {
  const world = await createWorld(t)
  const otherKey = createSecretBox(randomBytes(32).toString('base64'))
  const sealedElsewhere = withLink(otherKey, new Date(Date.now() + 1_800_000))
  await t.rejects(world.consume([sealedElsewhere]), PermanentError)
  await t.rejects(world.consume([requested({ template: 'from_the_future' })]), PermanentError)
  t.strictSame(await mails(world), [])
})

t.test('mails of a deleted user are deleted', async (t) => {
  const world = await createWorld(t)
  const userId = randomUUID()
  await world.consume([requested({ userId }), requested()])
  await world.consume([deleted(userId)])
  t.match(await mails(world), [{ user_id: null }])
  t.equal((await mails(world)).length, 1)
})

t.test('the language of a mail is kept when there are words in it', async (t) => {
  const world = await createWorld(t)
  await world.consume([requested({ locale: 'tr' })])
  await world.consume([requested({ locale: 'fr' })])
  await world.consume([requested()])
  t.same(
    (await mails(world)).map(({ locale }) => locale),
    ['tr', null, null],
  )
})
