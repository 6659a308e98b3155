import { sql } from 'kysely'
import t from 'tap'
import { startIdentity } from '#test/helper.ts'

const UNKNOWN_USER_ID = '01890000-0000-7000-8000-000000000000'

const FULL = {
  phone: '+49 (30) 901820',
  country: 'de',
  city: ' Berlin ',
  description: 'Old radios.\r\nNew valves.',
  isBusiness: true,
}

async function start(t: Parameters<typeof startIdentity>[0]) {
  const identity = await startIdentity(t)
  const person = async (email: string, name: string) => {
    const { id } = (await identity.register({ email, name })).json()
    const { token } = (await identity.login({ email })).json()
    return { id: id as string, headers: { authorization: `Bearer ${token}` } }
  }
  const ann = await person('ann@example.org', 'Ann Lee')
  const eve = await person('eve@example.org', 'Eve')
  const at = (id: string) => `/api/v1/user-profiles/${id}`
  const get = (id: string, headers = {}) => identity.app.inject({ url: at(id), headers })
  const put = (id: string, payload: object, headers = {}) =>
    identity.app.inject({ method: 'PUT', url: at(id), headers, payload })
  return { ...identity, ann, eve, get, put }
}

t.test('every user has a profile from the start, empty but for the name', async (t) => {
  const { ann, get } = await start(t)
  const answer = await get(ann.id)
  t.equal(answer.statusCode, 200)
  const { createdAt, updatedAt, ...profile } = answer.json()
  t.same(profile, {
    id: ann.id,
    userId: ann.id,
    name: 'Ann Lee',
    country: null,
    city: null,
    description: null,
    isBusiness: false,
    emailVerified: false,
    photoUrl: null,
    rating: 0,
    totalSales: 0,
    activeListings: 0,
    responseRate: 0,
    responseTime: 0,
  })
  t.ok(Date.parse(createdAt) <= Date.parse(updatedAt))
  t.equal(answer.headers['cache-control'], 'no-store')
})

t.test('seed bug 36: the phone number is shown to its owner and to no one else', async (t) => {
  const { ann, eve, get, put } = await start(t)
  const changed = await put(ann.id, FULL, ann.headers)
  t.equal(changed.statusCode, 200)
  const stored = {
    country: 'DE',
    city: 'Berlin',
    description: 'Old radios.\nNew valves.',
    isBusiness: true,
  }
  t.match(changed.json(), { ...stored, phone: '+4930901820', phoneVerified: false })
  t.match((await get(ann.id, ann.headers)).json(), { phone: '+4930901820' })
  for (const headers of [{}, eve.headers]) {
    const answer = await get(ann.id, headers)
    t.match(answer.json(), stored)
    t.notMatch(answer.body, /phone|4930901820|ann@example/)
  }
})

t.test('seed bug 36: no user changes the profile of another user', async (t) => {
  const { ann, eve, get, put } = await start(t)
  await put(ann.id, FULL, ann.headers)
  const before = (await get(ann.id)).body
  const refused = await put(ann.id, { city: 'Paris', name: 'Eve' }, eve.headers)
  t.equal(refused.statusCode, 403)
  t.match(refused.json(), { code: 'identity.not_your_profile' })
  t.equal((await put(UNKNOWN_USER_ID, {}, eve.headers)).statusCode, 403, 'nor learns who exists')
  t.equal((await put(ann.id, {})).statusCode, 401)
  t.equal((await get(ann.id)).body, before)
})

t.test(
  'seed bug 37: null and the empty text clear, what is absent stays, zero and false count',
  async (t) => {
    const { ann, put } = await start(t)
    await put(ann.id, FULL, ann.headers)
    const one = (await put(ann.id, { phone: null, city: '  ' }, ann.headers)).json()
    t.match(one, { phone: null, city: null, country: 'DE', isBusiness: true })
    const two = (await put(ann.id, { isBusiness: false, description: '0' }, ann.headers)).json()
    t.match(two, { isBusiness: false, description: '0', country: 'DE' })
    t.same((await put(ann.id, {}, ann.headers)).json().country, 'DE')
  },
)

t.test(
  'seed bug 37: a profile that is not there is 404, and an id that is none is 400',
  async (t) => {
    const { ann, get, db } = await start(t)
    const missing = await get(UNKNOWN_USER_ID)
    t.equal(missing.statusCode, 404)
    t.match(missing.json(), { code: 'identity.user_not_found' })
    t.equal((await get('1')).statusCode, 400)
    await sql`update users set status = 'deleted' where id = ${ann.id}`.execute(db)
    t.equal((await get(ann.id)).statusCode, 404)
  },
)

t.test('what cannot be in a profile is refused by field, and nothing of it is kept', async (t) => {
  const { ann, get, put } = await start(t)
  const before = (await get(ann.id, ann.headers)).body
  const wrong = {
    phone: ['12345', '+0301234567', '+4930901820x', `+${'1'.repeat(16)}`],
    country: ['ZZ', 'QQ', 'UK', 'D1', 'EU'],
    city: ['a\u0000b', 'x\u202ey', 'a\nb', 'c'.repeat(161)],
    description: ['bell\u0007', 'd'.repeat(1_001)],
    name: ['\u200b', 'n'.repeat(81)],
  }
  for (const [field, values] of Object.entries(wrong)) {
    for (const value of values) {
      const answer = await put(ann.id, { isBusiness: true, [field]: value }, ann.headers)
      t.equal(answer.statusCode, 400, JSON.stringify({ [field]: value }))
      t.match(answer.json(), { code: 'identity.invalid_profile', details: { field } })
    }
  }
  for (const readonly of ['id', 'userId', 'rating', 'totalSales', 'phoneVerified', 'email'])
    t.equal((await put(ann.id, { [readonly]: 1 }, ann.headers)).statusCode, 400, readonly)
  t.equal((await get(ann.id, ann.headers)).body, before)
})

t.test('another phone number is not verified', async (t) => {
  const { ann, put, db } = await start(t)
  await put(ann.id, FULL, ann.headers)
  await sql`update profiles set phone_verified_at = clock_timestamp()`.execute(db)
  t.match((await put(ann.id, FULL, ann.headers)).json(), { phoneVerified: true })
  const other = (await put(ann.id, { phone: '+12025550123' }, ann.headers)).json()
  t.match(other, { phone: '+12025550123', phoneVerified: false })
})

t.test('a new name is published once, with the next version of the account', async (t) => {
  const { ann, put, get, db } = await start(t)
  for (const name of ['Ann Bee', 'Ann Bee', ' Ann Bee '])
    t.match((await put(ann.id, { name }, ann.headers)).json(), { name: 'Ann Bee' })
  const { rows } = await sql<{ payload: unknown; sequence: number }>`
    select e -> 'envelope' -> 'payload' as payload,
           (e -> 'envelope' ->> 'sequence')::int as sequence
      from outbox, json_array_elements(events) e
     where e -> 'envelope' ->> 'event' = 'identity.user.updated'`.execute(db)
  t.same(rows, [
    { payload: { userId: ann.id, changedFields: ['name'], name: 'Ann Bee' }, sequence: 2 },
  ])
  t.match((await get(ann.id)).json(), { name: 'Ann Bee' })
})

t.test('seed bug 39: of parallel first changes none is lost, and one profile comes', async (t) => {
  const { ann, put, get, db } = await start(t)
  const changes = [
    { city: 'Bonn' },
    { country: 'AT' },
    { description: 'Hi' },
    { phone: '+4312345678' },
  ]
  const statuses = await Promise.all(
    changes.map(async (change) => (await put(ann.id, change, ann.headers)).statusCode),
  )
  t.same(statuses, [200, 200, 200, 200])
  t.match((await get(ann.id, ann.headers)).json(), Object.assign({}, ...changes))
  t.equal((await db.selectFrom('profiles').selectAll().execute()).length, 1)
})

t.test('an ended session reads and writes nothing; without a session one may read', async (t) => {
  const { app, ann, put, get } = await start(t)
  await app.inject({ method: 'POST', url: '/identity/logout', headers: ann.headers })
  t.equal((await put(ann.id, { city: 'Rome' }, ann.headers)).statusCode, 401)
  t.equal((await get(ann.id, ann.headers)).statusCode, 401)
  t.match((await get(ann.id)).json(), { city: null })
})
