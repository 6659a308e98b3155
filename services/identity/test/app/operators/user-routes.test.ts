import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { endDueSuspensions } from '#src/app/operators/reinstate-user.ts'
import { startIdentity } from '#test/helper.ts'
import { auditOf, eventsOf, person } from '#test/operators.ts'

const reason = 'Sells what is not there'

t.test('a suspension ends sessions at once, and a reinstatement lets in again', async (t) => {
  const identity = await startIdentity(t)
  const moderator = await person(identity, 'mod@example.org', '{user,moderator}')
  const ann = await person(identity, 'ann@example.org')
  const path = `users/${ann.id}`

  const until = new Date(Date.now() + 3_600_000).toISOString()
  const suspended = await moderator.call('POST', `${path}/suspend`, { reason, until })
  t.match(suspended, {
    status: 200,
    body: { status: 'suspended', suspension: { reason, until, suspendedBy: moderator.id } },
  })
  t.equal((await ann.call('GET', 'validate')).status, 401)
  t.equal((await identity.refresh(ann.refreshToken)).statusCode, 401)
  const login = await identity.login({ email: ann.email })
  t.match(
    [login.statusCode, login.json()],
    [403, { code: 'identity.suspended', details: { until } }],
  )
  const wrong = await identity.login({ email: ann.email, password: 'wrong password' })
  t.match([wrong.statusCode, wrong.json().code], [401, 'identity.invalid_credentials'])

  const forever = await moderator.call('POST', `${path}/suspend`, { reason: 'Again' })
  t.match(forever.body.suspension, { reason: 'Again', until: null })
  const ended = await moderator.call('POST', `${path}/reinstate`, { reason: 'A mistake' })
  t.match(ended, { status: 200, body: { status: 'active', suspension: null } })
  t.equal((await ann.call('GET', 'validate')).status, 401, 'ended sessions stay ended')
  t.equal((await identity.login({ email: ann.email })).statusCode, 200)
  const twice = await moderator.call('POST', `${path}/reinstate`, { reason: 'A mistake' })
  t.match([twice.status, twice.body.code], [409, 'identity.not_suspended'])

  t.match(await eventsOf(identity, ann.id), [
    { key: 'identity.user.suspended.v1', sequence: 2, payload: { userId: ann.id, reason, until } },
    { key: 'identity.user.suspended.v1', sequence: 3, payload: { reason: 'Again' } },
    { key: 'identity.user.reinstated.v1', sequence: 4, payload: { reason: 'A mistake' } },
  ])
  const actorId = moderator.id
  t.same(await auditOf(identity, ann.id), [
    { action: 'user.suspended', actorId, details: { reason, until } },
    { action: 'user.suspended', actorId, details: { reason: 'Again' } },
    { action: 'user.reinstated', actorId, details: { reason: 'A mistake' } },
  ])
})

t.test('who may not suspend is refused, and so is what makes no sense', async (t) => {
  const identity = await startIdentity(t)
  const moderator = await person(identity, 'mod@example.org', '{user,moderator}')
  const admin = await person(identity, 'admin@example.org', '{user,admin}')
  const ann = await person(identity, 'ann@example.org')
  const suspend = (by: typeof ann, id: string, body: object = { reason }) =>
    by.call('POST', `users/${id}/suspend`, body)
  const past = new Date(Date.now() - 1_000).toISOString()
  const cases: [ReturnType<typeof suspend>, number, string][] = [
    [suspend(ann, moderator.id), 403, 'identity.forbidden'],
    [suspend(moderator, admin.id), 403, 'identity.forbidden'],
    [suspend(moderator, moderator.id), 403, 'identity.yourself'],
    [suspend(admin, admin.id), 403, 'identity.yourself'],
    [suspend(admin, randomUUID()), 404, 'identity.user_not_found'],
    [suspend(admin, ann.id, {}), 400, 'request.invalid_body'],
    [suspend(admin, ann.id, { reason: ' \u200c ' }), 400, 'identity.invalid_reason'],
    [suspend(admin, ann.id, { reason: 'x'.repeat(501) }), 400, 'identity.invalid_reason'],
    [suspend(admin, ann.id, { reason: 'a\u0000b' }), 400, 'identity.invalid_reason'],
    [suspend(admin, ann.id, { reason, until: past }), 400, 'identity.invalid_until'],
    [suspend(admin, ann.id, { reason, until: 'tomorrow' }), 400, 'request.invalid_body'],
    [
      suspend(admin, ann.id, { reason, until: '2099-12-31T23:59:60Z' }),
      400,
      'request.invalid_body',
    ],
    [admin.call('GET', 'users?email=%00'), 400, 'request.invalid_query'],
  ]
  for (const [outcome, status, code] of cases) {
    const { status: actual, body } = await outcome
    t.match([actual, body.code], [status, code])
  }
  t.same(await auditOf(identity, ann.id), [])
  t.equal((await ann.call('GET', 'me')).status, 200)
  await suspend(admin, moderator.id)
  t.equal((await suspend(moderator, ann.id)).status, 401, 'a suspended moderator acts no more')
  await sql`update sessions set authenticated_at = to_timestamp(1)`.execute(identity.db)
  t.match((await suspend(admin, ann.id)).body, { code: 'identity.proof_required' })
  t.match((await admin.call('GET', 'users')).body, { code: 'identity.proof_required' })
})

t.test('operators who suspend each other at once do not both succeed', async (t) => {
  const identity = await startIdentity(t)
  const operator = (name: string) => person(identity, `${name}@example.org`, '{user,admin}')
  for (let round = 0; round < 8; round += 1) {
    const pair = await Promise.all([operator(`a${round}`), operator(`b${round}`)])
    const outcomes = await Promise.all(
      pair.map(({ call }, index) =>
        call('POST', `users/${pair[1 - index]?.id}/suspend`, { reason }),
      ),
    )
    t.same(outcomes.map(({ status }) => status).sort(), [200, 401], 'and neither is a deadlock')
  }
})

t.test('of logins during a suspension none leaves a living session', async (t) => {
  const throttles = { triesPerAccount: 100 }
  const identity = await startIdentity(t, { concurrency: 4, throttles })
  const admin = await person(identity, 'admin@example.org', '{user,admin}')
  const ann = await person(identity, 'ann@example.org')
  const logins = Array.from({ length: 12 }, () => identity.login({ email: ann.email }))
  await logins[0]
  const suspended = admin.call('POST', `users/${ann.id}/suspend`, { reason })
  const statuses = (await Promise.all(logins)).map(({ statusCode }) => statusCode)
  t.equal((await suspended).status, 200)
  t.ok(statuses.every((status) => [200, 401, 403].includes(status)))
  const { rows } = await sql`
    select 1 from sessions where user_id = ${ann.id} and revoked_at is null`.execute(identity.db)
  t.equal(rows.length, 0)
})

t.test('the worker ends suspensions whose time is up, once, and no others', async (t) => {
  const identity = await startIdentity(t)
  const admin = await person(identity, 'admin@example.org', '{user,admin}')
  const people = await Promise.all(
    ['ann', 'ben', 'cat'].map((name) => person(identity, `${name}@example.org`)),
  )
  const later = new Date(Date.now() + 3_600_000).toISOString()
  for (const [index, until] of [later, later, undefined].entries()) {
    const body = { reason, ...(until && { until }) }
    await admin.call('POST', `users/${people[index]?.id}/suspend`, body)
  }
  const ann = people[0]?.id ?? ''
  await sql`
    update suspensions set suspended_at = clock_timestamp() - interval '2 hours',
                           ends_at = clock_timestamp() - interval '1 second'
     where user_id = ${ann}`.execute(identity.db)
  const ended = await Promise.all([1, 2, 3].map(() => endDueSuspensions(identity)))
  t.equal(
    ended.reduce((sum, count) => sum + count),
    1,
    'of three workers one ended it',
  )
  const { rows } = await sql<{ status: string }>`
    select status from users where id <> ${admin.id} order by email`.execute(identity.db)
  t.same(
    rows.map(({ status }) => status),
    ['active', 'suspended', 'suspended'],
  )
  t.match(await eventsOf(identity, ann), [
    { key: 'identity.user.suspended.v1', sequence: 2 },
    { key: 'identity.user.reinstated.v1', sequence: 3 },
  ])
  t.match((await auditOf(identity, ann)).at(-1), { action: 'user.reinstated', actorId: null })
})

t.test('operators find accounts by the beginning of the address, page by page', async (t) => {
  const identity = await startIdentity(t)
  const admin = await person(identity, 'admin@example.org', '{user,admin}')
  const moderator = await person(identity, 'mod@example.org', '{user,moderator}')
  await sql`
    insert into users (id, email, email_normalised, name, password_hash)
    select gen_random_uuid(), 'p_' || n || '@example.org', 'p_' || n || '@example.org', 'P',
           '$argon2id$x'
      from generate_series(1, 120) n`.execute(identity.db)
  await sql`update users set status = 'deleted' where email_normalised = 'p_7@example.org'`.execute(
    identity.db,
  )
  const seen = new Set<string>()
  let cursor: string | null = ''
  let pages = 0
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const { status, body } = await admin.call('GET', `users?email=P_${query}`)
    t.equal(status, 200)
    for (const { id } of body.users) seen.add(id)
    cursor = body.nextCursor
    pages += 1
  }
  t.same([seen.size, pages], [119, 3], 'without the deleted one, no user twice')
  t.equal((await admin.call('GET', 'users?email=%25')).body.users.length, 0, 'no wildcard')
  t.match((await admin.call('GET', 'users?email=mod@')).body.users, [
    { id: moderator.id, roles: ['user', 'moderator'], suspension: null },
  ])
  t.equal((await moderator.call('GET', 'users')).status, 403, 'the list is for admins')
  t.equal((await moderator.call('GET', `users/${admin.id}`)).status, 200)
  const ann = await person(identity, 'ann@example.org')
  t.equal((await ann.call('GET', `users/${ann.id}`)).status, 403)
})
