import { sql } from 'kysely'
import t from 'tap'
import { answerRegistrations } from '#src/app/mail-requests/answer-registrations.ts'
import { purge } from '#src/app/retention/purge.ts'
import { PERSON, startIdentity } from '#test/helper.ts'
import { readMails } from '#test/mails.ts'
import { eventsOf } from '#test/operators.ts'

const ANOTHER = 'quite another phrase of words'

async function start(t: Parameters<typeof startIdentity>[0]) {
  const identity = await startIdentity(t, { emailVerification: 'required' })
  const { db, mails, mailSeal, post } = identity
  const mailed = async () => {
    await answerRegistrations({ db, mails })
    return readMails(db)
  }
  return {
    ...identity,
    mailed,
    /** The secrets of all links that verify addresses, as their receivers would see them. */
    async links() {
      const sent = (await mailed()).filter(({ template }) => template === 'verify_email')
      return sent.map(({ sealedSecret = '', mailId = '' }) =>
        mailSeal.open(Buffer.from(sealedSecret, 'base64'), mailId),
      )
    },
    verify: (token: string | undefined, password?: string) =>
      post('email/verify', { token, ...(password && { password }) }),
    users: () => db.selectFrom('users').selectAll().execute(),
  }
}

t.test(
  'an account opens when its address is verified, with the id that was answered',
  async (t) => {
    const world = await start(t)
    const { id } = (await world.register({})).json()
    t.same(await world.users(), [], 'nothing to log in to yet')
    t.match((await world.login({})).json(), { code: 'identity.invalid_credentials' })
    const [token] = await world.links()
    t.match(await readMails(world.db), [{ to: PERSON.email, name: PERSON.email }])
    t.equal((await world.verify(token)).statusCode, 204)
    t.match(await world.users(), [{ id, name: PERSON.name, email_verified_at: Date }])
    t.equal((await world.login({})).statusCode, 200)
    t.match(await eventsOf(world, id), [
      { key: 'identity.user.verified.v1', payload: { userId: id, email: PERSON.email } },
    ])
    t.match((await world.verify(token)).json(), { code: 'identity.invalid_link' }, 'used once')
  },
)

t.test(
  'register answers the same whether the address has an account; only a mail shows it',
  async (t) => {
    const world = await start(t)
    await world.register({})
    await world.verify((await world.links())[0])
    const shapeOf = ({ statusCode, headers, json }: Awaited<ReturnType<typeof world.register>>) => {
      const { date, 'x-correlation-id': correlation, ...kept } = headers
      return [statusCode, kept, Object.keys(json()), json().id.length]
    }
    const taken = await world.register({ name: 'evil.example', email: 'ANN@example.org' })
    const free = await world.register({ name: 'evil.example', email: 'bob@example.org' })
    t.same(shapeOf(taken), shapeOf(free))
    const mails = (await world.mailed()).slice(1)
    t.match(mails, [
      { template: 'already_registered', to: PERSON.email, name: PERSON.name },
      { template: 'verify_email', to: 'bob@example.org', name: 'bob@example.org' },
    ])
    t.notOk(JSON.stringify(mails).includes('evil.example'), 'no word of the stranger is mailed')
    t.equal((await world.login({ password: PERSON.password })).statusCode, 200, 'nothing changed')
  },
)

t.test('where two claims wait, the password shows whose the account is', async (t) => {
  const world = await start(t)
  await world.register({ name: 'Mallory', password: ANOTHER })
  const { id } = (await world.register({})).json()
  const [strange, own] = await world.links()
  const without = await world.verify(strange)
  t.match([without.statusCode, without.json().code], [400, 'identity.password_required'])
  t.same(await world.users(), [])
  t.equal((await world.verify(strange, PERSON.password)).statusCode, 204, 'by either link')
  t.match(await world.users(), [{ id, name: PERSON.name }])
  t.equal((await world.login({ password: ANOTHER })).statusCode, 401, 'the stranger has nothing')
  t.equal((await world.verify(own)).statusCode, 400, 'the other link is over')
  const left = await world.db.selectFrom('registrations').selectAll().execute()
  t.same(left, [])
})

t.test('a link stands five wrong passwords, under parallel tries too', async (t) => {
  const world = await start(t)
  await world.register({ password: ANOTHER })
  await world.register({})
  const [first, second] = await world.links()
  const tries = Array.from({ length: 20 }, () => world.verify(first, 'a wrong one entirely'))
  const codes = (await Promise.all(tries)).map((answer) => answer.json().code).sort()
  t.same(codes, [
    ...Array(5).fill('identity.invalid_credentials'),
    ...Array(15).fill('identity.invalid_link'),
  ])
  t.equal((await world.verify(first, PERSON.password)).statusCode, 400, 'even with the right one')
  t.equal((await world.verify(second, PERSON.password)).statusCode, 204, 'the other one works')
})

t.test('of fifty parallel uses of a link one opens the account', async (t) => {
  const world = await start(t)
  const { id } = (await world.register({})).json()
  const [token] = await world.links()
  const answers = await Promise.all(Array.from({ length: 50 }, () => world.verify(token)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 204).length, 1)
  t.equal((await world.users()).length, 1)
  t.equal((await eventsOf(world, id)).length, 1)
})

t.test('not more than five mails an hour go to an address that did not ask', async (t) => {
  const world = await start(t)
  for (let index = 0; index < 8; index += 1) await world.register({ name: `Mallory ${index}` })
  const { db, mails } = world
  await Promise.all(Array.from({ length: 4 }, () => answerRegistrations({ db, mails })))
  t.equal((await readMails(db)).length, 5, 'with four workers')
  await world.register({})
  const [token] = await world.links()
  t.equal((await readMails(db)).length, 5)
  t.equal((await world.verify(token, PERSON.password)).statusCode, 204, 'a link of before does it')
  await sql`update unasked_mails set asked_at = asked_at - interval '61 minutes'`.execute(db)
  await world.register({})
  t.match((await world.mailed()).at(-1), { template: 'already_registered' }, 'an hour later')
  t.match(await purge(db), { unaskedMails: 5 })
})

t.test('a link ends after a day; unknown ones and old ones are one answer', async (t) => {
  const world = await start(t)
  await world.register({})
  const [token] = await world.links()
  await sql`update registrations set expires_at = clock_timestamp()`.execute(world.db)
  const [old, unknown] = [await world.verify(token), await world.verify('x')]
  t.match([old.statusCode, old.json().code], [400, 'identity.invalid_link'])
  t.equal(unknown.json().code, 'identity.invalid_link')
  t.match(await purge(world.db), { registrations: 1 })
})

t.test('seed bug 35: an address of before is verified before the next login', async (t) => {
  const world = await start(t)
  await world.register({})
  await world.verify((await world.links())[0])
  await sql`update users set email_verified_at = null`.execute(world.db)
  t.equal((await world.login({ password: ANOTHER })).statusCode, 401, 'strangers learn nothing')
  const refused = await world.login({})
  t.match([refused.statusCode, refused.json().code], [403, 'identity.email_not_verified'])
  t.equal((await world.verify((await world.links()).at(-1))).statusCode, 204)
  t.equal((await world.login({})).statusCode, 200)
  t.equal((await world.users()).length, 1)
})

t.test('the link comes in the language of who registers, and the account has it', async (t) => {
  const world = await start(t)
  const register = async (
    email: string,
    asked: string | undefined,
    browser: string | undefined,
  ) => {
    const { statusCode } = await world.app.inject({
      method: 'POST',
      url: '/identity/register',
      headers: browser === undefined ? {} : { 'accept-language': browser },
      payload: { ...PERSON, email, ...(asked === undefined ? {} : { locale: asked }) },
    })
    t.equal(statusCode, 201)
  }
  await register('a@example.org', 'tr', 'de')
  await register('b@example.org', undefined, 'de-AT,en;q=0.5')
  await register('c@example.org', 'fr', undefined)
  const mails = await world.mailed()
  t.strictSame(
    mails.map(({ to, locale }) => [to, locale]),
    [
      ['a@example.org', 'tr'],
      ['b@example.org', 'de'],
      ['c@example.org', undefined],
    ],
  )
  for (const token of await world.links()) t.equal((await world.verify(token)).statusCode, 204)
  const { rows } = await sql<{ payload: { email: string; locale?: string } }>`
    select event->'envelope'->'payload' as payload
      from outbox, json_array_elements(events) as event
     where event->>'key' = 'identity.user.registered.v1' order by outbox.seq`.execute(world.db)
  t.strictSame(
    rows.map(({ payload: { email, locale } }) => [email, locale]),
    [
      ['a@example.org', 'tr'],
      ['b@example.org', 'de'],
      ['c@example.org', undefined],
    ],
  )
})
