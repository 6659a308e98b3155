import { sql } from 'kysely'
import t from 'tap'
import { answerEmailChanges } from '#src/app/mail-requests/answer-email-changes.ts'
import { answerMailRequests } from '#src/app/mail-requests/answer-mail-requests.ts'
import { PERSON, startIdentity } from '#test/helper.ts'
import { readMails } from '#test/mails.ts'
import { auditOf, eventsOf, person } from '#test/operators.ts'

const NEW = 'Ann.New@example.org'

async function start(t: Parameters<typeof startIdentity>[0]) {
  const identity = await startIdentity(t)
  const { db, mails, mailSeal, post } = identity
  const mailed = async () => {
    await answerEmailChanges({ db, mails })
    return readMails(db)
  }
  const secretOf = ({ sealedSecret = '', mailId = '' }: Record<string, string>) =>
    mailSeal.open(Buffer.from(sealedSecret, 'base64'), mailId)
  return {
    ...identity,
    mailed,
    /** The newest secret that was mailed to an address. */
    async linkTo(address: string) {
      const sent = (await mailed()).filter((mail) => mail.to === address && 'link' in mail)
      const newest = sent.at(-1)
      return newest && secretOf(newest)
    },
    confirm: (token: string | undefined) => post('email/confirm', { token }),
    addressOf: async (id: string) =>
      (await db.selectFrom('users').select('email').where('id', '=', id).executeTakeFirst())?.email,
  }
}

t.test('an address changes when the link from the new one comes back', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  const elsewhere = (await world.login({})).json()
  t.same(await ann.call('POST', 'email/change', { email: NEW }), { status: 202, body: {} })
  t.equal(await world.addressOf(ann.id), PERSON.email, 'not before that')
  t.match(await world.mailed(), [
    { template: 'email_change_asked', to: PERSON.email, name: PERSON.name },
    { template: 'confirm_email', to: NEW, name: NEW },
  ])
  const link = await world.linkTo(NEW)
  t.equal((await world.confirm(link)).statusCode, 204)
  t.equal(await world.addressOf(ann.id), NEW)
  t.match((await world.mailed()).at(-1), { template: 'email_changed', to: PERSON.email })
  t.equal((await world.login({ email: NEW.toLowerCase() })).statusCode, 200)
  t.equal((await world.login({})).statusCode, 401, 'the old address logs no user in')
  t.equal((await ann.call('GET', 'me')).status, 200, 'the session that asked goes on')
  const headers = { authorization: `Bearer ${elsewhere.token}` }
  t.equal((await world.app.inject({ url: '/identity/me', headers })).statusCode, 401)
  t.match(await eventsOf(world, ann.id), [
    { key: 'identity.user.updated.v1', payload: { changedFields: ['email'], email: NEW } },
    { key: 'identity.user.verified.v1', payload: { email: NEW } },
  ])
  const actions = (await auditOf(world, ann.id)).map(({ action }) => action)
  t.match(actions, ['email.change_asked', 'email.changed', 'email.verified'])
  t.match((await world.confirm(link)).json(), { code: 'identity.invalid_link' }, 'used once')
})

t.test('whether the new address has an account shows in mails alone', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  await person(world, 'bob@example.org')
  const taken = await ann.call('POST', 'email/change', { email: 'BOB@example.org' })
  t.same(taken, { status: 202, body: {} })
  t.match((await world.mailed()).at(-1), { template: 'already_registered', to: 'bob@example.org' })
  t.equal(await world.linkTo('bob@example.org'), undefined)
})

t.test('an address that another user got in the meantime is not taken from them', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  await ann.call('POST', 'email/change', { email: NEW })
  const link = await world.linkTo(NEW)
  const carl = await person(world, NEW.toLowerCase())
  t.match((await world.confirm(link)).json(), { code: 'identity.invalid_link' })
  t.equal(await world.addressOf(ann.id), PERSON.email)
  t.equal(await world.addressOf(carl.id), NEW.toLowerCase())
})

t.test('of 50 parallel uses of a link one changes the address', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  await ann.call('POST', 'email/change', { email: NEW })
  const link = await world.linkTo(NEW)
  const answers = await Promise.all(Array.from({ length: 50 }, () => world.confirm(link)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 204).length, 1)
  t.equal(answers.filter(({ statusCode }) => statusCode === 400).length, 49)
  t.equal((await eventsOf(world, ann.id)).length, 2)
})

t.test('of two people who want one address at the same time one gets it', async (t) => {
  const world = await start(t)
  const people = [await person(world, PERSON.email), await person(world, 'bob@example.org')]
  const links: (string | undefined)[] = []
  for (const one of people) {
    await one.call('POST', 'email/change', { email: NEW })
    links.push(await world.linkTo(NEW))
  }
  const answers = await Promise.all(links.map((link) => world.confirm(link)))
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [204, 400])
})

t.test(
  'links that went to the old address, and wishes that a newer one replaced, end',
  async (t) => {
    const world = await start(t)
    const { db, mails } = world
    const ann = await person(world, PERSON.email)
    await world.post('password/forgot', { email: PERSON.email })
    await answerMailRequests({ db, mails })
    const reset = await world.linkTo(PERSON.email)
    await ann.call('POST', 'email/change', { email: 'typo@example.org' })
    const old = await world.linkTo('typo@example.org')
    await ann.call('POST', 'email/change', { email: NEW })
    t.match((await world.confirm(old)).json(), { code: 'identity.invalid_link' })
    t.equal((await world.confirm(await world.linkTo(NEW))).statusCode, 204)
    const newPassword = 'quite another phrase of words'
    const used = await world.post('password/reset', { token: reset, newPassword })
    t.match(used.json(), { code: 'identity.invalid_link' })
  },
)

t.test('it asks for a fresh proof, an address, and no more than five times a day', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  for (const email of [
    'no address',
    'a@b',
    `${'x'.repeat(250)}@example.org`,
    'nul\0@example.org',
  ]) {
    t.equal((await ann.call('POST', 'email/change', { email })).status, 400, email.slice(0, 20))
  }
  for (let count = 0; count < 5; count += 1) {
    t.equal((await ann.call('POST', 'email/change', { email: NEW })).status, 202)
  }
  await sql`update email_changes set created_at = created_at - interval '23 hours'
    where id = (select id from email_changes order by created_at limit 1)`.execute(world.db)
  const many = await ann.call('POST', 'email/change', { email: NEW })
  const { details } = many.body as { details: { retryAfterSeconds: number } }
  t.ok(
    details.retryAfterSeconds > 0 && details.retryAfterSeconds <= 3_600,
    'the first counts a day',
  )
  t.match(many, { status: 429, body: { code: 'identity.throttled' } })
  await sql`update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'`.execute(
    world.db,
  )
  const stale = await ann.call('POST', 'email/change', { email: NEW })
  t.match(stale, { status: 403, body: { code: 'identity.proof_required' } })
})

t.test('a suspended account keeps its address, and an old link changes nothing', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  await ann.call('POST', 'email/change', { email: NEW })
  const link = await world.linkTo(NEW)
  await sql`update users set status = 'suspended'`.execute(world.db)
  t.equal((await world.confirm(link)).statusCode, 400)
  await sql`update users set status = 'active'`.execute(world.db)
  await sql`update email_changes set expires_at = clock_timestamp()`.execute(world.db)
  t.equal((await world.confirm(link)).statusCode, 400)
  t.equal(await world.addressOf(ann.id), PERSON.email)
})

t.test('what a stranger with a session asked for ends with that session', async (t) => {
  const world = await start(t)
  const { db, mails } = world
  const stranger = await person(world, PERSON.email)
  await stranger.call('POST', 'email/change', { email: 'stranger@example.org' })
  const link = await world.linkTo('stranger@example.org')
  await world.post('password/forgot', { email: PERSON.email })
  await answerMailRequests({ db, mails })
  const newPassword = 'quite another phrase of words'
  const token = await world.linkTo(PERSON.email)
  t.equal((await world.post('password/reset', { token, newPassword })).statusCode, 204)
  t.match((await world.confirm(link)).json(), { code: 'identity.invalid_link' })
  t.equal(await world.addressOf(stranger.id), PERSON.email)
})
