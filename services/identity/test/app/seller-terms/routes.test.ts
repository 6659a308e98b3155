import { sql } from 'kysely'
import t from 'tap'
import { decode } from '#test/forge.ts'
import { startIdentity } from '#test/helper.ts'
import { auditOf, eventsOf, person } from '#test/operators.ts'

t.test('who agrees to the seller terms is a seller, once, also in parallel', async (t) => {
  const identity = await startIdentity(t)
  const ann = await person(identity, 'ann@example.org')
  const { version } = (await ann.call('GET', 'seller-terms')).body
  const outcomes = await Promise.all(
    Array.from({ length: 5 }, () => ann.call('POST', 'me/seller-terms', { version })),
  )
  for (const { status, body } of outcomes) {
    t.match([status, body.roles], [200, ['user', 'seller']])
    t.same(decode(body.token).claims.roles, ['user', 'seller'], 'the token carries it')
  }
  t.same((await ann.call('GET', 'me')).body.roles, ['user', 'seller'])
  t.match(await eventsOf(identity, ann.id), [
    { key: 'identity.user.updated.v1', sequence: 2, payload: { roles: ['user', 'seller'] } },
  ])
  t.same(await auditOf(identity, ann.id), [
    {
      action: 'role.accepted',
      actorId: ann.id,
      details: { role: 'seller', terms: 'seller', version },
    },
  ])
})

t.test('only the terms as they are now can be agreed to, by a logged-in user', async (t) => {
  const identity = await startIdentity(t)
  const ann = await person(identity, 'ann@example.org')
  const { version } = (await ann.call('GET', 'seller-terms')).body
  t.match(await ann.call('POST', 'me/seller-terms', { version: '1999-01' }), {
    status: 409,
    body: { code: 'identity.terms_changed', details: { version } },
  })
  t.equal((await ann.call('POST', 'me/seller-terms', {})).status, 400)
  t.equal((await identity.post('me/seller-terms', { version })).statusCode, 401)
  t.same((await ann.call('GET', 'me')).body.roles, ['user'])
})

t.test('newer terms are agreed to beside the older ones', async (t) => {
  const identity = await startIdentity(t)
  const ann = await person(identity, 'ann@example.org', '{user,seller}')
  await sql`insert into accepted_terms (user_id, terms, version)
            values (${ann.id}, 'seller', '2025-01')`.execute(identity.db)
  const { version } = (await ann.call('GET', 'seller-terms')).body
  t.equal((await ann.call('POST', 'me/seller-terms', { version })).status, 200)
  const accepted = await identity.db.selectFrom('accepted_terms').select('version').execute()
  t.same(accepted.map((row) => row.version).sort(), ['2025-01', version])
  t.match(await auditOf(identity, ann.id), [{ action: 'terms.accepted' }])
  t.same(await eventsOf(identity, ann.id), [], 'no role changed')
})

t.test('a seller whose role was taken away does not get it back by agreeing again', async (t) => {
  const identity = await startIdentity(t)
  const admin = await person(identity, 'admin@example.org', '{user,admin}')
  const ann = await person(identity, 'ann@example.org')
  const { version } = (await ann.call('GET', 'seller-terms')).body
  await ann.call('POST', 'me/seller-terms', { version })
  t.equal((await admin.call('DELETE', `users/${ann.id}/roles/seller`)).status, 200)
  const { token } = (await identity.login({ email: ann.email })).json()
  const again = await identity.app.inject({
    method: 'POST',
    url: '/identity/me/seller-terms',
    payload: { version },
    headers: { authorization: `Bearer ${token}` },
  })
  t.match([again.statusCode, again.json().code], [403, 'identity.seller_role_withdrawn'])
  t.equal((await admin.call('PUT', `users/${ann.id}/roles/seller`)).status, 200)
})
