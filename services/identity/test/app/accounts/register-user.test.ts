import { sql } from 'kysely'
import t from 'tap'
import { PERSON, startIdentity } from '#test/helper.ts'

interface OutboxEvents {
  events: { key: string; exchange: string; envelope: Record<string, unknown> }[]
}

t.test(
  'an account and its event are committed together, with the trace of the request',
  async (t) => {
    const { app, db } = await startIdentity(t)
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const response = await app.inject({
      method: 'POST',
      url: '/identity/register',
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-00`, 'x-correlation-id': 'order-7' },
      payload: PERSON,
    })
    const { id } = response.json()
    const { rows } = await sql<OutboxEvents>`select events from outbox`.execute(db)
    t.equal(rows.length, 1)
    t.match(rows[0]?.events, [
      {
        key: 'identity.user.registered.v1',
        exchange: 'auction.identity',
        aggregateId: id,
        envelope: {
          event: 'identity.user.registered',
          version: 'v1',
          source: 'identity',
          traceId,
          correlationId: 'order-7',
        },
      },
    ])
    t.same(rows[0]?.events[0]?.envelope.payload, {
      userId: id,
      name: PERSON.name,
      email: PERSON.email,
    })
  },
)

t.test('an account whose event cannot be written does not exist', async (t) => {
  const { db, register, login } = await startIdentity(t)
  await sql`alter table outbox rename to outbox_away`.execute(db)
  t.equal((await register({})).statusCode, 500)
  await sql`alter table outbox_away rename to outbox`.execute(db)
  t.equal((await login({})).statusCode, 401)
  t.equal((await register({})).statusCode, 201, 'and can be made afterwards')
})

t.test('the seed’s payload names are added when they are asked for', async (t) => {
  const { db, register } = await startIdentity(t, { legacyAlias: true })
  const { id } = (await register({})).json()
  const { rows } = await sql<OutboxEvents>`select events from outbox`.execute(db)
  t.match(rows[0]?.events[0]?.envelope.payload, {
    userId: id,
    UserID: id,
    Name: PERSON.name,
    Email: PERSON.email,
  })
})
