import { sql } from 'kysely'
import t from 'tap'
import { PERSON, startIdentity } from '#test/helper.ts'
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

t.test('it says when there is no such account, and how it is used', async (t) => {
  const { config, db } = await startIdentity(t)
  const unknown = await runCommand('admin', config, ['grant', 'unknown@example.org'])
  t.match([unknown.code, unknown.errors], [1, /There is no account unknown@example.org/])
  const wrong = await runCommand('admin', config, ['revoke', PERSON.email])
  t.match([wrong.code, wrong.errors], [2, /grant EMAIL/])
  t.same(await db.selectFrom('audit_entries').selectAll().execute(), [])
})
