import { sql } from 'kysely'
import t from 'tap'
import { finishDeletions } from '#src/app/leaving/finish-deletions.ts'
import { readDeletionOverdueSeconds } from '#src/infra/postgres/leaving/deletions.ts'
import { dumpOf } from '#test/dump.ts'
import { PERSON, startIdentity } from '#test/helper.ts'
import { readMails } from '#test/mails.ts'
import { auditOf, eventsOf, person } from '#test/operators.ts'
import { startOwners } from '#test/owners.ts'

async function start(t: Parameters<typeof startIdentity>[0]) {
  const owners = await startOwners(t)
  const identity = await startIdentity(t, { obligations: owners.check })
  const { db, mails } = identity
  const deps = { db, mails, obligationsOf: owners.check }
  return {
    ...identity,
    ...owners,
    /** The next look is due: what the worker then does. */
    async lookLater() {
      await sql`update deletions set look_at = clock_timestamp()`.execute(db)
      return finishDeletions(deps)
    },
    /** The days are over: what the worker then does. */
    async daysLater() {
      await sql`update deletions set due_at = clock_timestamp(), look_at = null`.execute(db)
      return finishDeletions(deps)
    },
    finish: () => finishDeletions(deps),
    userOf: (id: string) =>
      db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirstOrThrow(),
  }
}

t.test('a user without obligations is forgotten days after they asked', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  const profile = { phone: '+4930123456', city: 'Oranienburg', description: 'Sells old radios' }
  const headers = { authorization: `Bearer ${ann.token}` }
  const url = `/api/v1/user-profiles/${ann.id}`
  await world.app.inject({ method: 'PUT', url, headers, payload: profile })
  const answer = await ann.call('DELETE', 'me')
  t.match(answer, { status: 202, body: { deletedAfter: /Z$/ } })
  t.equal((await ann.call('GET', 'me')).status, 401, 'nothing can be done with it at once')
  const { deletedAfter } = answer.body as { deletedAfter: string }
  const login = await world.login({})
  t.match(
    [login.statusCode, login.json()],
    [403, { code: 'identity.deleting', details: { deletedAfter } }],
  )
  t.equal((await world.login({ password: 'a wrong one' })).statusCode, 401)
  t.equal(await world.finish(), 0, 'not before its time')
  t.equal(await world.lookLater(), 0, 'not while it can be kept')
  t.match(await world.userOf(ann.id), { status: 'deleting', email: PERSON.email })

  t.equal(await world.daysLater(), 1)
  const user = await world.userOf(ann.id)
  t.match(user, { status: 'deleted', name: 'Deleted user', roles: ['user'] })
  // Events still to be published, a mail to the person among them, go when the broker has them.
  const dump = await dumpOf(world.db, ['outbox'])
  for (const trace of [PERSON.email, PERSON.name, ...Object.values(profile)]) {
    t.notOk(dump.includes(trace), trace)
  }
  t.match(await eventsOf(world, ann.id), [
    { key: 'identity.user.deleted.v1', sequence: user.version, payload: { userId: ann.id } },
  ])
  const templates = (await readMails(world.db)).map(({ template, to }) => `${template} ${to}`)
  t.same(templates, [`account_deletion_asked ${PERSON.email}`, `account_deleted ${PERSON.email}`])
  const actions = (await auditOf(world, ann.id)).map(({ action }) => action)
  t.same(actions, ['user.deletion_asked', 'user.deleted'])
  t.equal((await world.app.inject({ url })).statusCode, 404)
  t.equal((await world.login({})).statusCode, 401, 'it is as if there never was an account')
  t.equal((await person(world, PERSON.email)).id === ann.id, false, 'the address is free again')
})

t.test('a user who leads or sells gets the reason, and nothing happens', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  world.owed.set('bid', [{ kind: 'leading', count: 2 }])
  world.owed.set('auction', [{ kind: 'selling', count: 1 }])
  const answer = await ann.call('DELETE', 'me')
  t.match(answer, {
    status: 409,
    body: {
      code: 'identity.has_obligations',
      details: {
        obligations: [
          { kind: 'selling', count: 1 },
          { kind: 'leading', count: 2 },
        ],
      },
    },
  })
  t.equal((await ann.call('GET', 'me')).status, 200)
  t.match(await world.userOf(ann.id), { status: 'active' })
})

t.test('a bid that was under way opens the account again', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  await ann.call('DELETE', 'me')
  world.owed.set('bid', [{ kind: 'leading', count: 1 }])
  t.equal(await world.lookLater(), 0)
  t.match(await world.userOf(ann.id), { status: 'active', email: PERSON.email })
  t.match((await readMails(world.db)).at(-1), { template: 'account_deletion_refused' })
  t.equal((await world.login({})).statusCode, 200)
  world.owed.clear()
  t.equal(await world.daysLater(), 0, 'it has to be asked for again')
})

t.test(
  'a lot that comes to a leaver within the days opens the account at the next look',
  async (t) => {
    const world = await start(t)
    const ann = await person(world, PERSON.email)
    await ann.call('DELETE', 'me')
    t.equal(await world.lookLater(), 0)
    t.match(await world.userOf(ann.id), { status: 'deleting' })
    const { rows } = await sql`
    select 1 from deletions where look_at > clock_timestamp() and look_at < due_at`.execute(
      world.db,
    )
    t.equal(rows.length, 1, 'it is looked at again before the end')
    world.owed.set('order', [{ kind: 'ordering', count: 1 }])
    t.equal(await world.lookLater(), 0)
    t.match(await world.userOf(ann.id), { status: 'active' })
    t.match((await readMails(world.db)).at(-1), { template: 'account_deletion_refused' })
  },
)

t.test('what a process of before asked for, without a look, is deleted at its end', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  await ann.call('DELETE', 'me')
  await sql`
    update deletions set look_at = null, digest = null,
      due_at = clock_timestamp() + interval '1 hour'`.execute(world.db)
  t.match((await world.login({})).json(), { details: { deletedAfter: /Z$/ } })
  t.equal(await world.finish(), 0)
  t.equal(await world.daysLater(), 1)
})

t.test('a worker of before, which knows only `due_at`, finds an account at its end', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  const { deletedAfter } = (await ann.call('DELETE', 'me')).body as { deletedAfter: string }
  const endOf = async () => (await world.db.selectFrom('deletions').select('due_at').execute())[0]
  t.same(await endOf(), { due_at: new Date(deletedAfter) })
  t.equal(await world.lookLater(), 0)
  t.same(await endOf(), { due_at: new Date(deletedAfter) }, 'also after a look')
  world.down.add('bid')
  await t.rejects(world.lookLater(), { code: 'service.unavailable' })
  t.same(await endOf(), { due_at: new Date(deletedAfter) }, 'and after one that failed')
})

t.test('when the others cannot be asked no user is deleted, neither now nor later', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  world.down.add('auction')
  t.match(await ann.call('DELETE', 'me'), { status: 503, body: { code: 'service.unavailable' } })
  world.down.clear()
  t.equal((await ann.call('DELETE', 'me')).status, 202)
  world.down.add('bid')
  await t.rejects(world.daysLater(), { code: 'service.unavailable' })
  t.match(await world.userOf(ann.id), { status: 'deleting' })
  world.down.clear()
  t.equal(await world.daysLater(), 1)
})

t.test('a user of whom the others cannot answer keeps no other user waiting', async (t) => {
  const world = await start(t)
  const ann = await person(world, 'ann@example.org')
  const bob = await person(world, 'bob@example.org')
  const eve = await person(world, 'eve@example.org')
  const zoe = await person(world, 'zoe@example.org')
  for (const each of [ann, bob, eve, zoe]) await each.call('DELETE', 'me')
  // In this order, whatever the clock said.
  for (const [index, { id }] of [ann, bob, eve, zoe].entries())
    await sql`update deletions set look_at = null, due_at = clock_timestamp() - make_interval(secs => ${4 - index})
      where user_id = ${id}`.execute(world.db)
  for (const { id } of [ann, eve]) world.unreadable.add(id)
  await t.rejects(world.finish(), /could not be deleted/)
  t.match(await world.userOf(ann.id), { status: 'deleting' })
  t.match(await world.userOf(bob.id), { status: 'deleted' })
  t.match(await world.userOf(eve.id), { status: 'deleting' })
  t.match(await world.userOf(zoe.id), { status: 'deleted' })
  world.unreadable.clear()
  t.equal(await world.finish(), 0, 'they wait for their next turn')
  t.equal(await world.daysLater(), 2)
})

t.test('when a service is down the run ends after two users', async (t) => {
  const world = await start(t)
  const leavers = []
  for (const name of ['ann', 'bob', 'eve']) leavers.push(await person(world, `${name}@example.org`))
  for (const each of leavers) await each.call('DELETE', 'me')
  await sql`update deletions set due_at = clock_timestamp(), look_at = null`.execute(world.db)
  world.down.add('order')
  await t.rejects(world.finish(), /could not be deleted/)
  const { rows } = await sql`select 1 from deletions where look_at is null`.execute(world.db)
  t.equal(rows.length, 1, 'the third was not asked about')
})

t.test('how long an account is overdue counts from its end', async (t) => {
  const world = await start(t)
  const overdue = () => readDeletionOverdueSeconds(world.db)
  t.equal(await overdue(), 0)
  const ann = await person(world, PERSON.email)
  await ann.call('DELETE', 'me')
  await sql`update deletions set look_at = clock_timestamp() - interval '1 hour'`.execute(world.db)
  t.equal(await overdue(), 0, 'a look that is late is none')
  await sql`update deletions set due_at = clock_timestamp() - interval '1 hour'`.execute(world.db)
  t.ok((await overdue()) >= 3_600)
})

t.test('the last admin stays, also when two leave at once', async (t) => {
  const world = await start(t)
  const admins = [
    await person(world, 'ann@example.org', '{user,admin}'),
    await person(world, 'bob@example.org', '{user,admin}'),
  ]
  const answers = await Promise.all(admins.map((admin) => admin.call('DELETE', 'me')))
  t.same(answers.map(({ status }) => status).sort(), [202, 409])
  t.match(
    answers.find(({ status }) => status === 409),
    { body: { code: 'identity.last_admin' } },
  )
})

t.test('of 20 parallel wishes to leave one counts', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  const answers = await Promise.all(Array.from({ length: 20 }, () => ann.call('DELETE', 'me')))
  t.equal(answers.filter(({ status }) => status === 202).length, 1)
  t.equal(answers.filter(({ status }) => status === 401).length, 19)
  await sql`update deletions set due_at = clock_timestamp(), look_at = null`.execute(world.db)
  const finished = await Promise.all([world.finish(), world.finish(), world.finish()])
  t.equal(
    finished.reduce((sum, count) => sum + count),
    1,
    'three workers forget once',
  )
  t.equal((await eventsOf(world, ann.id)).length, 1)
})

t.test('an account that an operator suspended in that time stays', async (t) => {
  const world = await start(t)
  const moderator = await person(world, 'mia@example.org', '{user,moderator}')
  const ann = await person(world, PERSON.email)
  await ann.call('DELETE', 'me')
  const suspended = await moderator.call('POST', `users/${ann.id}/suspend`, { reason: 'fraud' })
  t.equal(suspended.status, 200)
  t.equal(await world.daysLater(), 0)
  t.match(await world.userOf(ann.id), { status: 'suspended', email: PERSON.email })
  t.match((await readMails(world.db)).at(-1), { template: 'account_deletion_refused' })
  const acts = (await auditOf(world, ann.id)).map(({ action }) => action)
  t.same(acts, ['user.deletion_asked', 'user.deletion_refused', 'user.suspended'])

  await moderator.call('POST', `users/${ann.id}/reinstate`, { reason: 'a mistake' })
  t.match(await world.userOf(ann.id), { status: 'active' })
  const { token } = (await world.login({ email: PERSON.email })).json()
  const headers = { authorization: `Bearer ${token}` }
  const again = await world.app.inject({ method: 'DELETE', url: '/identity/me', headers })
  t.equal(again.statusCode, 202)
  t.equal(await world.daysLater(), 1)
  t.match(await world.userOf(ann.id), { status: 'deleted' })
})

t.test('it asks for a fresh proof', async (t) => {
  const world = await start(t)
  const ann = await person(world, PERSON.email)
  await sql`update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'`.execute(
    world.db,
  )
  const answer = await ann.call('DELETE', 'me')
  t.match(answer, { status: 403, body: { code: 'identity.proof_required' } })
})

t.test(
  'no user keeps another in by taking an address first, and one failure stops no other',
  async (t) => {
    const world = await start(t)
    const ann = await person(world, PERSON.email)
    await person(world, `${ann.id}@deleted.invalid`)
    const bob = await person(world, 'bob@example.org')
    const eve = await person(world, 'eve@example.org')
    for (const each of [ann, bob, eve]) await each.call('DELETE', 'me')
    await sql`
    create function refuse() returns trigger language plpgsql as $$
    begin raise exception 'broken row'; end $$`.execute(world.db)
    await sql`create trigger refused before update on users for each row
    when (old.name = 'broken') execute function refuse()`.execute(world.db)
    await sql`alter table users disable trigger refused`.execute(world.db)
    await sql`update users set name = 'broken' where id = ${bob.id}`.execute(world.db)
    await sql`alter table users enable trigger refused`.execute(world.db)

    await t.rejects(world.daysLater(), /broken row/)
    t.match(await world.userOf(ann.id), { status: 'deleted' })
    t.match(await world.userOf(bob.id), { status: 'deleting' })
    t.match(await world.userOf(eve.id), { status: 'deleted' })
    t.equal(await world.finish(), 0, 'the broken one waits for its next turn')
    await sql`drop trigger refused on users`.execute(world.db)
    t.equal(await world.daysLater(), 1)
    t.match(await world.userOf(bob.id), { status: 'deleted' })
  },
)
