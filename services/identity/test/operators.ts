import { sql } from 'kysely'
import type { startIdentity } from './helper.ts'

export type Identity = Awaited<ReturnType<typeof startIdentity>>

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

/** A registered user with these roles, and calls as them. */
export async function person(identity: Identity, email: string, roles = '{user}') {
  const { id } = (await identity.register({ email })).json() as { id: string }
  await sql`update users set roles = ${roles}::text[] where id = ${id}`.execute(identity.db)
  const { token, refreshToken } = (await identity.login({ email })).json()
  const call = async (method: Method, path: string, payload?: object) => {
    const headers = { authorization: `Bearer ${token}` }
    const url = `/identity/${path}`
    const response = await identity.app.inject({
      method,
      url,
      headers,
      ...(payload && { payload }),
    })
    return { status: response.statusCode, body: response.json() }
  }
  return { id, email, token: token as string, refreshToken: refreshToken as string, call }
}

/** What was published about a user since the registration, in the order of commits. */
export async function eventsOf({ db }: Identity, userId: string) {
  const { rows } = await sql<{ key: string; sequence: number; payload: object }>`
    select e ->> 'key' as key, (e -> 'envelope' ->> 'sequence')::int as sequence,
           e -> 'envelope' -> 'payload' as payload
      from outbox, json_array_elements(events) e
     where e ->> 'aggregateId' = ${userId} and e ->> 'key' like 'identity.user.%'
       and e ->> 'key' <> 'identity.user.registered.v1'
     order by sequence`.execute(db)
  return rows
}

/** What is written down about a user. */
export async function auditOf({ db }: Identity, userId: string) {
  return db
    .selectFrom('audit_entries')
    .select(['action', 'actor_id as actorId', 'details'])
    .where('subject_id', '=', userId)
    .orderBy('sequence')
    .execute()
}
