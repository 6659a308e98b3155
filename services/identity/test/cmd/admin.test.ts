import { sql } from 'kysely'
import t from 'tap'
import { finishDeletions } from '#src/app/leaving/finish-deletions.ts'
import { PERSON, startIdentity } from '#test/helper.ts'
import { auditOf, person } from '#test/operators.ts'
import { runCommand } from '#test/run-command.ts'

t.test('the first admin is made by a command, once, and it is written down', async (t) => {
  const { config, db, register, login } = await startIdentity(t)
  const { id } = (await register({})).json()
  const grant = (...args: string[]) => runCommand('admin', config, args)

  const made = await grant('grant', PERSON.email.toUpperCase())
  t.match([made.code, made.output], [0, /is an admin now/])
  const again = await grant('grant', PERSON.email)
  t.match([again.code, again.output], [0, /already; nothing was done/])

  const { roles, version } = await db
    .selectFrom('users')
    .select(['roles', 'version'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  t.same([roles, version], [['user', 'admin'], 2])
  const audit = await db.selectFrom('audit_entries').selectAll().execute()
  t.match(audit, [
    { action: 'role.granted', actor_id: null, subject_id: id, details: { role: 'admin' } },
  ])
  t.equal(audit.length, 1)
  const { rows } = await sql<{ events: { key: string; envelope: object }[] }>`
    select events from outbox where events::text like '%user.updated%'`.execute(db)
  t.match(
    rows.map(({ events }) => events),
    [[{ key: 'identity.user.updated.v1', envelope: { sequence: 2, payload: { userId: id } } }]],
  )
  t.equal((await login({})).statusCode, 200)
})

t.test('a closed account becomes no admin, and the command says so', async (t) => {
  const { config, db, register } = await startIdentity(t)
  const { id } = (await register({})).json()
  await db.updateTable('users').set({ status: 'deleting' }).where('id', '=', id).execute()
  const refused = await runCommand('admin', config, ['grant', PERSON.email])
  t.match([refused.code, refused.errors], [1, /was closed by its owner/])
  t.same(await db.selectFrom('audit_entries').selectAll().execute(), [])
  t.match(await db.selectFrom('users').select('roles').execute(), [{ roles: ['user'] }])
})

t.test('a closed account is deleted at once by a command, and no other is', async (t) => {
  const identity = await startIdentity(t)
  const { config, db, mails } = identity
  const ann = await person(identity, PERSON.email)
  const erase = (email: string) => runCommand('admin', config, ['erase', email])
  const statusOf = async () => (await db.selectFrom('users').select('status').execute())[0]
  const finish = () => finishDeletions({ db, mails, obligationsOf: async () => [] })

  const open = await erase(PERSON.email)
  t.match([open.code, open.errors], [1, /was not closed by its owner/])
  t.equal((await ann.call('DELETE', 'me')).status, 202)
  // The minute of those requests begins in an hour, however long the command takes.
  await sql`update deletions set asked_at = clock_timestamp() + interval '1 hour'`.execute(db)
  const early = await erase(PERSON.email.toUpperCase())
  t.match([early.code, early.output], [0, /is deleted within minutes/])
  t.equal(await finish(), 0, 'not before requests that were let in have ended')
  t.same(await statusOf(), { status: 'deleting' })

  await sql`update deletions set asked_at = clock_timestamp() - interval '1 minute',
    due_at = clock_timestamp() + interval '6 days'`.execute(db)
  t.equal((await erase(PERSON.email)).code, 0)
  t.equal(await finish(), 1)
  t.same(await statusOf(), { status: 'deleted' })
  const actions = (await auditOf(identity, ann.id)).map(({ action }) => action)
  const hastened = 'user.deletion_hastened'
  t.same(actions, ['user.deletion_asked', hastened, hastened, 'user.deleted'])
  const gone = await erase(PERSON.email)
  t.match([gone.code, gone.errors], [1, /There is no account/])
})

t.test('it says when there is no such account, and how it is used', async (t) => {
  const { config, db } = await startIdentity(t)
  const unknown = await runCommand('admin', config, ['grant', 'unknown@example.org'])
  t.match([unknown.code, unknown.errors], [1, /There is no account unknown@example.org/])
  const wrong = await runCommand('admin', config, ['revoke', PERSON.email])
  t.match([wrong.code, wrong.errors], [2, /grant EMAIL/])
  t.same(await db.selectFrom('audit_entries').selectAll().execute(), [])
})
