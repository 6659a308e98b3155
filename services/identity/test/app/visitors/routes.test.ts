import { randomUUID } from 'node:crypto'
import {
  SHARED_ADDRESSES_PATH,
  type SharedAddresses,
} from '@auction/common/contracts/shared-addresses.ts'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { sql } from 'kysely'
import t from 'tap'
import { KNOWN_ORIGIN_DAYS } from '#src/domain/throttle.ts'
import { INTERNAL_SECRET, PERSON, startIdentity } from '#test/helper.ts'

async function start(t: Parameters<typeof startIdentity>[0]) {
  const identity = await startIdentity(t, { throttles: { triesPerAddress: 1_000 } })
  const baseUrl = await identity.app.listen({ host: '127.0.0.1', port: 0 })
  const client = createInternalClient({
    service: 'auction',
    target: 'identity',
    baseUrl,
    secret: INTERNAL_SECRET,
    timeoutMs: 60_000,
  })
  return {
    ...identity,
    ask: (userIds: unknown) =>
      client.request<SharedAddresses & { code?: string }>('POST', SHARED_ADDRESSES_PATH, {
        userIds,
      }),
    /** Registers a user and logs in from there; answers the id. */
    async join(name: string, remoteAddress: string): Promise<string> {
      const email = `${name}@example.org`
      const { id } = (await identity.register({ email })).json() as { id: string }
      const answer = await identity.app.inject({
        method: 'POST',
        url: '/identity/login',
        remoteAddress,
        payload: { email, password: PERSON.password },
      })
      if (answer.statusCode !== 200) throw new Error(answer.body)
      return id
    },
  }
}

t.test('users who log in from one address are paired, and no address is shown', async (t) => {
  const { ask, join, db } = await start(t)
  const ann = await join('ann', '203.0.113.5')
  const ben = await join('ben', '203.0.113.5')
  const cai = await join('cai', '203.0.113.5')
  const dee = await join('dee', '203.0.113.10')
  const othersOf = async (id: string) => (await ask([id])).body.pairs.map(({ otherId }) => otherId)
  t.strictSame((await othersOf(ann)).sort(), [ben, cai].sort())
  t.strictSame(await othersOf(dee), [])
  t.notOk(JSON.stringify((await ask([ann, dee])).body).includes('203.0.113'))
  const days = sql`make_interval(days => ${KNOWN_ORIGIN_DAYS + 1})`
  await sql`update known_origins set last_seen_at = last_seen_at - ${days}
    where user_id = ${cai}`.execute(db)
  t.strictSame(await othersOf(ann), [ben])
})

t.test('what more than twenty accounts share says nothing', async (t) => {
  const { ask, join, db } = await start(t)
  const ann = await join('ann', '203.0.113.5')
  await sql`
    with crowd as (
      insert into users (id, email, email_normalised, name, password_hash)
      select gen_random_uuid(), n || '@crowd.example', n || '@crowd.example', 'crowd', '$argon2id$'
        from generate_series(1, 20) n returning id
    )
    insert into known_origins (user_id, digest, kind)
    select crowd.id, digest, kind from crowd, known_origins
     where user_id = ${ann} and kind = 'address'`.execute(db)
  t.strictSame((await ask([ann])).body.pairs, [])
  await sql`update known_origins set last_seen_at = last_seen_at
      - make_interval(days => ${KNOWN_ORIGIN_DAYS + 1})
    where user_id = (select id from users where email = '1@crowd.example')`.execute(db)
  t.equal((await ask([ann])).body.pairs.length, 19, 'who was long not there does not count')
})

t.test('only services ask, for two hundred at most', async (t) => {
  const { ask, app, register, login } = await start(t)
  for (const userIds of [[], ['x'], Array.from({ length: 201 }, () => randomUUID()), 'x', [null]]) {
    t.match(await ask(userIds), { statusCode: 400, body: { code: 'request.invalid_body' } })
  }
  t.match(await ask([randomUUID()]), { statusCode: 200, body: { pairs: [] } })
  await register({})
  const { token } = (await login({})).json() as { token: string }
  for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
    const answer = await app.inject({
      method: 'POST',
      url: SHARED_ADDRESSES_PATH,
      headers,
      payload: { userIds: [randomUUID()] },
    })
    t.equal(answer.statusCode, 401)
  }
})
