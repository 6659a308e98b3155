import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import t from 'tap'
import { startIdentity } from '#test/helper.ts'
import { auditOf, eventsOf, person } from '#test/operators.ts'

t.test('admins give and take roles, once each, recorded and published', async (t) => {
  const identity = await startIdentity(t)
  const admin = await person(identity, 'admin@example.org', '{user,admin}')
  const ann = await person(identity, 'ann@example.org')
  const path = `users/${ann.id}/roles`

  const given = await admin.call('PUT', `${path}/moderator`)
  t.match([given.status, given.body], [200, { id: ann.id, roles: ['user', 'moderator'] }])
  t.equal((await admin.call('PUT', `${path}/moderator`)).status, 200, 'again changes nothing')
  t.equal((await ann.call('GET', 'me')).status, 200, 'a new role logs no user out')

  const taken = await admin.call('DELETE', `${path}/moderator`)
  t.match([taken.status, taken.body], [200, { roles: ['user'] }])
  t.equal((await ann.call('GET', 'validate')).status, 401, 'tokens that carry it end')
  t.equal((await identity.refresh(ann.refreshToken)).statusCode, 401)
  t.equal((await admin.call('DELETE', `${path}/moderator`)).status, 200)

  t.match(await eventsOf(identity, ann.id), [
    { key: 'identity.user.updated.v1', sequence: 2, payload: { roles: ['user', 'moderator'] } },
    { key: 'identity.user.updated.v1', sequence: 3, payload: { roles: ['user'] } },
  ])
  const details = { role: 'moderator' }
  t.same(await auditOf(identity, ann.id), [
    { action: 'role.granted', actorId: admin.id, details },
    { action: 'role.revoked', actorId: admin.id, details },
  ])
})

t.test('no other user gives or takes roles', async (t) => {
  const identity = await startIdentity(t)
  const moderator = await person(identity, 'mod@example.org', '{user,moderator}')
  const admin = await person(identity, 'admin@example.org', '{user,admin}')
  const ann = await person(identity, 'ann@example.org')
  for (const { call } of [ann, moderator]) {
    for (const method of ['PUT', 'DELETE'] as const) {
      const refused = await call(method, `users/${ann.id}/roles/admin`)
      t.match([refused.status, refused.body.code], [403, 'identity.forbidden'])
    }
  }
  const unknown = `users/${randomUUID()}/roles/admin`
  t.match((await admin.call('PUT', unknown)).body, { code: 'identity.user_not_found' })
  t.equal((await admin.call('PUT', `users/${ann.id}/roles/user`)).status, 400)
  t.equal((await admin.call('PUT', 'users/ann/roles/admin')).status, 400)

  await sql`update sessions set authenticated_at = to_timestamp(1)`.execute(identity.db)
  const stale = await admin.call('PUT', `users/${ann.id}/roles/admin`)
  t.match([stale.status, stale.body.code], [403, 'identity.proof_required'])
  await sql`update users set roles = '{user}' where id = ${admin.id}`.execute(identity.db)
  await sql`update sessions set authenticated_at = clock_timestamp()`.execute(identity.db)
  t.equal((await admin.call('PUT', `users/${ann.id}/roles/admin`)).status, 403, 'by roles of now')
  t.same((await auditOf(identity, ann.id)).length, 0)
})

t.test('the last admin stays, also when admins go at the same moment', async (t) => {
  const identity = await startIdentity(t)
  const admins = await Promise.all(
    ['a', 'b', 'c'].map((name) => person(identity, `${name}@example.org`, '{user,admin}')),
  )
  // Each takes it from themselves and from the next one, all at once.
  const outcomes = await Promise.all(
    admins.flatMap(({ id, call }, index) => [
      call('DELETE', `users/${id}/roles/admin`),
      call('DELETE', `users/${admins[(index + 1) % 3]?.id}/roles/admin`),
    ]),
  )
  t.ok(
    outcomes.every(({ status }) => [200, 401, 409].includes(status)),
    'no deadlock, no error of ours',
  )
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from users where 'admin' = any (roles)`.execute(identity.db)
  t.equal(rows[0]?.count, 1)
})

t.test('a suspended admin does not count as one who is left', async (t) => {
  const identity = await startIdentity(t)
  const admin = await person(identity, 'admin@example.org', '{user,admin}')
  const other = await person(identity, 'other@example.org', '{user,admin}')
  t.equal((await admin.call('POST', `users/${other.id}/suspend`, { reason: 'Left' })).status, 200)
  const last = await admin.call('DELETE', `users/${admin.id}/roles/admin`)
  t.match([last.status, last.body.code], [409, 'identity.last_admin'])
  const ann = await person(identity, 'ann@example.org')
  await admin.call('POST', `users/${ann.id}/suspend`, { reason: 'Spam' })
  const granted = await admin.call('PUT', `users/${ann.id}/roles/admin`)
  t.match([granted.status, granted.body.code], [409, 'identity.user_suspended'])
})

t.test('an admin who stops being one while their change waits does not make it', async (t) => {
  const identity = await startIdentity(t)
  // The older account has the smaller id and is locked first, so the admin's is free meanwhile.
  const ann = await person(identity, 'ann@example.org')
  const admin = await person(identity, 'admin@example.org', '{user,admin}')
  const holder = await identity.pool.connect()
  await holder.query('begin')
  await holder.query('select 1 from users where id = $1 for update', [ann.id])
  const outcome = admin.call('PUT', `users/${ann.id}/roles/admin`)
  await waitFor('the change to wait', async () => {
    const { rows } = await sql`
      select 1 from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`.execute(identity.db)
    return rows.length === 1
  })
  await sql`update users set roles = '{user}' where id = ${admin.id}`.execute(identity.db)
  await holder.query('commit')
  holder.release()
  const { status, body } = await outcome
  t.match([status, body.code], [403, 'identity.forbidden'])
  t.same(await auditOf(identity, ann.id), [])
})
