import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import t from 'tap'
import { finishDeletions } from '#src/app/leaving/finish-deletions.ts'
import type { ObligationCheck } from '#src/app/leaving/obligations.ts'
import { bearer, codeOf, enrol } from '#test/authenticator-app.ts'
import { PERSON, startIdentity } from '#test/helper.ts'
import { readMails } from '#test/mails.ts'
import { auditOf, eventsOf, person } from '#test/operators.ts'
import { createAuthenticator } from '#test/software-authenticator.ts'

const NOTHING_OWED: ObligationCheck = async () => []

async function start(t: Parameters<typeof startIdentity>[0], options = {}) {
  const identity = await startIdentity(t, options)
  const { db, mails, mailSeal, post } = identity
  return {
    ...identity,
    finish: (obligationsOf = NOTHING_OWED) => finishDeletions({ db, mails, obligationsOf }),
    /** The days are over for all; what is asked for later has its own. */
    daysPass: () =>
      sql`update deletions set due_at = clock_timestamp(), look_at = null`.execute(db),
    /** The secrets of the mailed links that keep an account, oldest first. */
    async linksTo(address: string) {
      const sent = (await readMails(db)).filter(
        ({ template, to }) => template === 'account_deletion_asked' && to === address,
      )
      return sent.map(({ sealedSecret = '', mailId = '' }) =>
        mailSeal.open(Buffer.from(sealedSecret, 'base64'), mailId),
      )
    },
    withdraw: (token: string | undefined) => post('deletion/withdraw', { token }),
    async statusOf(id: string) {
      const query = db.selectFrom('users').select('status').where('id', '=', id)
      return (await query.executeTakeFirstOrThrow()).status
    },
  }
}

type World = Awaited<ReturnType<typeof start>>

const templatesOf = async ({ db }: World) => (await readMails(db)).map(({ template }) => template)
const actionsOf = async (world: World, id: string) =>
  (await auditOf(world, id)).map(({ action }) => action)

t.test('the mailed link keeps the account, once, and no other service notices', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  t.same((await world.app.inject('/identity/deletion')).json(), { days: 7 })
  await ann.call('DELETE', 'me')
  const mail = (await readMails(world.db)).find(({ link }) => link !== undefined)
  t.match(mail, { template: 'account_deletion_asked', link: /^https:.*\/account\/keep$/ })
  const [link] = await world.linksTo(ann.email)
  t.equal((await world.withdraw(` ${link} `)).statusCode, 204, 'as people paste it')
  t.equal(await world.statusOf(ann.id), 'active')
  t.equal((await ann.call('GET', 'me')).status, 401, 'the sessions of before stay ended')
  t.equal((await world.login({})).statusCode, 200)
  t.same(await templatesOf(world), ['account_deletion_asked', 'account_deletion_withdrawn'])
  t.same(await actionsOf(world, ann.id), ['user.deletion_asked', 'user.deletion_withdrawn'])
  t.same(await eventsOf(world, ann.id), [])

  const again = await world.withdraw(link)
  t.match([again.statusCode, again.json()], [400, { code: 'identity.invalid_link' }])
  await world.daysPass()
  t.equal(await world.finish(), 0)
  t.equal((await templatesOf(world)).length, 2)
})

t.test('a login keeps the account when it says so, and only with the right password', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  await ann.call('DELETE', 'me')
  t.equal((await world.login({ password: 'a wrong one', keepAccount: true })).statusCode, 401)
  t.equal((await world.login({ keepAccount: false })).statusCode, 403)
  t.equal(await world.statusOf(ann.id), 'deleting')
  const kept = await world.login({ keepAccount: true })
  t.equal(kept.statusCode, 200)
  const me = await bearer(world, kept.json().token).get('me')
  t.match([me.statusCode, me.json()], [200, { id: ann.id, email: PERSON.email }])
  t.same(await actionsOf(world, ann.id), ['user.deletion_asked', 'user.deletion_withdrawn'])
  t.equal((await world.login({ keepAccount: true })).statusCode, 200, 'else it changes nothing')
  t.equal((await templatesOf(world)).at(-1), 'account_deletion_withdrawn')
  t.equal((await templatesOf(world)).length, 2)
})

t.test('with two-factor the account is kept by the password, and opened by the code', async (t) => {
  const world = await start(t)
  const ann = await enrol(world, PERSON.email)
  const headers = { authorization: `Bearer ${ann.token}` }
  const asked = await world.app.inject({ method: 'DELETE', url: '/identity/me', headers })
  t.equal(asked.statusCode, 202)
  const pending = await world.login({ keepAccount: true })
  t.equal(pending.statusCode, 202)
  t.equal(await world.statusOf(ann.id), 'active')
  const { token } = pending.json().details
  const code = await codeOf(ann.secret, 1)
  t.equal((await world.post('2fa/challenge', { token, code })).statusCode, 200)
})

t.test('a passkey of a closed account is answered when it is deleted', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  const as = bearer(world, ann.token)
  const authenticator = createAuthenticator()
  const creation = (await as.post('passkeys/register/options')).json()
  const credential = authenticator.create(creation)
  t.equal(
    (await as.post('passkeys/register/verify', { name: 'a key', credential })).statusCode,
    201,
  )
  const { body } = await ann.call('DELETE', 'me')
  const options = (
    await world.app.inject({
      method: 'POST',
      url: '/identity/passkeys/login/options',
    })
  ).json()
  const signed = authenticator.get(options)
  const answer = await world.post('passkeys/login/verify', { credential: signed })
  t.match([answer.statusCode, answer.json()], [403, { code: 'identity.deleting', details: body }])
})

t.test('the link of an earlier deletion does not take back a later one', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  await ann.call('DELETE', 'me')
  const { token } = (await world.login({ keepAccount: true })).json()
  const headers = { authorization: `Bearer ${token}` }
  const again = await world.app.inject({ method: 'DELETE', url: '/identity/me', headers })
  t.equal(again.statusCode, 202)
  const [earlier, later] = await world.linksTo(ann.email)
  t.equal((await world.withdraw(earlier)).statusCode, 400)
  t.equal(await world.statusOf(ann.id), 'deleting')
  t.equal((await world.withdraw(later)).statusCode, 204)
})

t.test('a suspension ends the link, and what is no link is refused', async (t) => {
  const world = await start(t)
  const moderator = await person(world, 'mia@example.org', '{user,moderator}')
  const ann = await person(world, PERSON.email)
  await ann.call('DELETE', 'me')
  const [link] = await world.linksTo(ann.email)
  await moderator.call('POST', `users/${ann.id}/suspend`, { reason: 'fraud' })
  for (const token of [link, 'x', `${link}x`]) {
    const answer = await world.withdraw(token)
    t.match([answer.statusCode, answer.json()], [400, { code: 'identity.invalid_link' }])
  }
  t.equal(await world.statusOf(ann.id), 'suspended')
  const login = await world.login({ keepAccount: true })
  t.match([login.statusCode, login.json()], [403, { code: 'identity.suspended' }])
})

t.test('of 20 that follow one link at once one keeps the account', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  await ann.call('DELETE', 'me')
  const [link] = await world.linksTo(ann.email)
  const answers = await Promise.all(Array.from({ length: 20 }, () => world.withdraw(link)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 204).length, 1)
  t.equal(answers.filter(({ statusCode }) => statusCode === 400).length, 19)
  t.same(await actionsOf(world, ann.id), ['user.deletion_asked', 'user.deletion_withdrawn'])
  t.same(await templatesOf(world), ['account_deletion_asked', 'account_deletion_withdrawn'])
})

t.test(
  'an account that is kept and closed again while the worker asks has all its days',
  async (t) => {
    const world = await start(t)
    // What the worker was answered was said of the time before.
    for (const owed of [[], [{ kind: 'leading', count: 1 } as const]]) {
      const ann = await person(world, `owes-${owed.length}@example.org`)
      await ann.call('DELETE', 'me')
      await world.daysPass()
      const deleted = await world.finish(async () => {
        const { token } = (await world.login({ email: ann.email, keepAccount: true })).json()
        const headers = { authorization: `Bearer ${token}` }
        await world.app.inject({ method: 'DELETE', url: '/identity/me', headers })
        return owed
      })
      t.equal(deleted, 0)
      t.equal(await world.statusOf(ann.id), 'deleting')
      const kept = await world.login({ email: ann.email, keepAccount: true })
      t.equal(kept.statusCode, 200)
    }
  },
)

t.test('without days there is no link, and the mail about it is no promise', async (t) => {
  const world = await start(t, { deletionDays: 0 })
  const ann = await person(world, PERSON.email)
  t.same((await world.app.inject('/identity/deletion')).json(), { days: 0 })
  await ann.call('DELETE', 'me')
  const { rows } = await sql`select 1 from deletions where look_at = due_at`.execute(world.db)
  t.equal(rows.length, 1)
  const [mail] = await readMails(world.db)
  t.match(mail, { template: 'account_deletion_soon', to: PERSON.email })
  // With an end the mail would be outdated when it is to be sent.
  for (const name of ['link', 'sealedSecret', 'expiresAt']) t.notOk(name in Object(mail), name)
  await world.daysPass()
  t.equal(await world.finish(), 1)
})

/** Holds the lock of an account. What is begun one after the other waits, and gets it in this order. */
async function queueBehindLock(world: World, userId: string, begin: (() => Promise<unknown>)[]) {
  const waiting = (count: number) =>
    waitFor(`${count} to wait`, async () => {
      const { rows } = await sql`
        select 1 from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`.execute(world.db)
      return rows.length === count
    })
  const holder = await world.pool.connect()
  await holder.query('begin')
  await holder.query('select 1 from users where id = $1 for update', [userId])
  const begun: Promise<unknown>[] = []
  for (const one of begin) {
    begun.push(one())
    await waiting(begun.length)
  }
  return {
    holder,
    async release() {
      await holder.query('commit')
      holder.release()
      return Promise.all(begun)
    },
  }
}

t.test(
  'the withdrawal and the deletion wait for one lock, and the first of them counts',
  async (t) => {
    const world = await start(t)
    for (const way of ['link', 'login'] as const) {
      for (const first of ['withdrawal', 'deletion'] as const) {
        const email = `${way}-${first}@example.org`
        const ann = await person(world, email)
        await ann.call('DELETE', 'me')
        const [link] = await world.linksTo(email)
        await world.daysPass()
        const keep = () =>
          way === 'link' ? world.withdraw(link) : world.login({ email, keepAccount: true })
        const withdrawal = () => keep().then(({ statusCode }) => statusCode)
        const deletion = () => world.finish()
        const isKept = first === 'withdrawal'
        const queued = await queueBehindLock(
          world,
          ann.id,
          isKept ? [withdrawal, deletion] : [deletion, withdrawal],
        )
        const outcomes = await queued.release()
        const done = way === 'link' ? { kept: 204, late: 400 } : { kept: 200, late: 401 }
        t.same(outcomes, isKept ? [done.kept, 0] : [1, done.late], email)
        t.equal(await world.statusOf(ann.id), isKept ? 'active' : 'deleted')
        t.same(await actionsOf(world, ann.id), [
          'user.deletion_asked',
          isKept ? 'user.deletion_withdrawn' : 'user.deleted',
        ])
        t.equal((await eventsOf(world, ann.id)).length, isKept ? 0 : 1)
      }
    }
  },
)

t.test('a login keeps nothing when its password was changed while it waited', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  await ann.call('DELETE', 'me')
  const queued = await queueBehindLock(world, ann.id, [() => world.login({ keepAccount: true })])
  await queued.holder.query(`update users set password_hash = '$argon2id$other' where id = $1`, [
    ann.id,
  ])
  const [login] = await queued.release()
  t.match(login, { statusCode: 401 })
  t.equal(await world.statusOf(ann.id), 'deleting')
  t.same(await actionsOf(world, ann.id), ['user.deletion_asked'])
})

const ROUNDS = 60

t.test('however both meet, an account is kept or deleted, and never both', async (t) => {
  const world = await start(t)
  for (let round = 0; round < ROUNDS; round += 1) {
    const email = `round-${round}@example.org`
    const ann = await person(world, email)
    await ann.call('DELETE', 'me')
    const [link] = await world.linksTo(email)
    await world.daysPass()
    const keep = () =>
      round % 3 === 0 ? world.login({ email, keepAccount: true }) : world.withdraw(link)
    // Which of them is first is left to the machine; the test above forces both orders.
    const [answer, ...deleted] = await Promise.all([keep(), world.finish(), world.finish()])
    const isKept = answer.statusCode < 300
    const status = await world.statusOf(ann.id)
    t.equal(status, isKept ? 'active' : 'deleted', `round ${round}`)
    t.equal(deleted[0] + deleted[1], isKept ? 0 : 1)
    t.same(await actionsOf(world, ann.id), [
      'user.deletion_asked',
      isKept ? 'user.deletion_withdrawn' : 'user.deleted',
    ])
    t.equal((await eventsOf(world, ann.id)).length, isKept ? 0 : 1)
    const left = await sql`select 1 from deletions where user_id = ${ann.id}`.execute(world.db)
    t.equal(left.rows.length, 0)
  }
})
