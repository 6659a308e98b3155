import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { keepKeys, listKeys, retireKey, rotateKeys } from '#src/app/keys/rotate-keys.ts'
import { ACCESS_TOKEN_LIFETIME_SECONDS } from '#src/domain/lifetimes.ts'
import { decode } from '#test/forge.ts'
import { startIdentity, type TestDb } from '#test/helper.ts'
import { startVerifyingService } from '#test/verifying-service.ts'

/** Lets time pass for the keys, and for nothing else. */
async function advance(db: TestDb, seconds: number): Promise<void> {
  await sql`
    update signing_keys
       set created_at = created_at - make_interval(secs => ${seconds}),
           activates_at = activates_at - make_interval(secs => ${seconds}),
           retires_at = retires_at - make_interval(secs => ${seconds})`.execute(db)
}

async function start(t: Test) {
  // Six logins of one account at once would be throttled, which is not what is tried here.
  const identity = await startIdentity(t, { throttles: { triesPerAccount: 100 } })
  const url = await identity.app.listen({ host: '127.0.0.1', port: 0 })
  await identity.register({})
  const logIn = async () => {
    const answer = await identity.login({})
    if (answer.statusCode !== 200) throw new Error(`login: ${answer.statusCode} ${answer.body}`)
    return answer.json() as Tokens
  }
  const validate = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    return (await identity.app.inject({ url: '/identity/validate', headers })).statusCode
  }
  return { ...identity, url, logIn, validate }
}

interface Tokens {
  token: string
  refreshToken: string
}

const kidOf = (token: string) => String(decode(token).header.kid)
const statesOf = async (db: TestDb) => (await listKeys(db)).map(({ state }) => state)

t.test('five rotations under load log no user out', async (t) => {
  const { db, box, keys, url, logIn, refresh, validate } = await start(t)
  const call = await startVerifyingService(t, url, { refetchIntervalMs: 10, refreshIntervalMs: 10 })
  const deps = { db, box }
  const first = await logIn()
  let clockSeconds = 0
  let isOver = false
  const answers = new Map<string, number>()
  const note = (what: string, status: number) =>
    answers.set(`${what} ${status}`, (answers.get(`${what} ${status}`) ?? 0) + 1)
  const kids = new Set<string>()

  const person = async () => {
    let tokens = await logIn()
    let held: { token: string; issuedAtSeconds: number }[] = []
    while (!isOver) {
      const answer = await refresh(tokens.refreshToken)
      note('refresh', answer.statusCode)
      if (answer.statusCode !== 200) throw new Error(`refresh: ${answer.statusCode} ${answer.body}`)
      tokens = answer.json()
      kids.add(kidOf(tokens.token))
      held.push({ token: tokens.token, issuedAtSeconds: clockSeconds })
      held = held.filter(
        ({ issuedAtSeconds }) => clockSeconds - issuedAtSeconds < ACCESS_TOKEN_LIFETIME_SECONDS,
      )
      for (const { token } of [held[0], held.at(-1)].filter((one) => one !== undefined)) {
        note('service', await call(token))
        note('gateway', await validate(token))
      }
    }
  }
  const people = Array.from({ length: 6 }, person)

  const minute = async () => {
    clockSeconds += 60
    await advance(db, 60)
    await keepKeys(deps, 30)
    await keys.reload()
    const seen = answers.get('service 200') ?? 0
    await waitFor('calls in this minute', () => (answers.get('service 200') ?? 0) > seen + 6)
  }
  for (let rotation = 1; rotation <= 5; rotation += 1) {
    t.ok(await rotateKeys(deps))
    t.strictSame((await statesOf(db)).slice(0, 2), ['waiting', 'signing'])
    for (let minutes = 0; minutes < 27; minutes += 1) await minute()
    t.strictSame(await statesOf(db), [
      'signing',
      ...Array.from({ length: rotation }, () => 'retired'),
    ])
  }
  isOver = true
  await Promise.all(people)
  t.strictSame([...answers.keys()].sort(), ['gateway 200', 'refresh 200', 'service 200'])
  t.equal(kids.size, 6, 'six keys have signed')
  t.comment(Object.fromEntries(answers))

  const { rows } = await sql<{ private: number }>`
    select count(private_key_encrypted)::int as private from signing_keys`.execute(db)
  t.equal(rows[0]?.private, 1, 'of retired keys the private part is gone')
  t.equal(await validate(first.token), 401, 'a token of a retired key is refused by identity')
  t.equal(
    await waitFor('the service to fetch', async () => (await call(first.token)) === 401),
    true,
    'and by services',
  )
})

t.test('a new key is published ten minutes before it signs, and only once', async (t) => {
  const { db, box, keys, app } = await start(t)
  const deps = { db, box }
  const old = keys.signingKey().kid
  const next = await rotateKeys(deps)
  t.equal(await rotateKeys(deps), undefined, 'while one waits there is no second')
  await keys.reload()
  const published = async () => {
    const answer = await app.inject({ url: '/identity/.well-known/jwks.json' })
    return answer.json<{ keys: { kid: string }[] }>().keys.map(({ kid }) => kid)
  }
  t.strictSame(await published(), [next, old])
  // Exactly so in the database; what is tried after it leaves a slow machine its time.
  const { rows } = await sql`
    select extract(epoch from activates_at - created_at)::int as seconds from signing_keys
    where kid = ${next}`.execute(db)
  t.strictSame(rows, [{ seconds: 600 }])
  await advance(db, 300)
  await keys.reload()
  t.equal(keys.signingKey().kid, old)
  await advance(db, 301)
  await keys.reload()
  t.equal(keys.signingKey().kid, next)
  await advance(db, 600 + 240)
  await keys.reload()
  t.strictSame(await published(), [next, old], 'until its last token has expired')
  await advance(db, 120)
  await keys.reload()
  t.strictSame(await published(), [next])
})

t.test('the timer makes the next key in time, once however many workers there are', async (t) => {
  const { db, box } = await start(t)
  const deps = { db, box }
  t.match(await keepKeys(deps, 30), { added: undefined, forgotten: [] })
  // The key is made ten minutes before it is needed; the time that the test itself takes comes to it.
  await advance(db, 30 * 86_400 - 600 - 3_600)
  t.match(await keepKeys(deps, 30), { added: undefined })
  await advance(db, 3_601)
  const upkeep = await Promise.all(Array.from({ length: 5 }, () => keepKeys(deps, 30)))
  const added = upkeep.flatMap((one) => one.added ?? [])
  t.equal(added.length, 1)
  const entries = await db.selectFrom('audit_entries').select(['action', 'details']).execute()
  t.strictSame(entries, [{ action: 'key.added', details: { kid: added[0], by: 'timer' } }])
})

t.test('a key retired in an emergency takes its tokens along, and logins go on', async (t) => {
  const { db, box, keys, url, logIn, validate } = await start(t)
  const call = await startVerifyingService(t, url, { refetchIntervalMs: 10, refreshIntervalMs: 10 })
  const deps = { db, box }
  const stolen = await logIn()
  t.equal(await call(stolen.token), 200)
  const retirement = await retireKey(deps, kidOf(stolen.token))
  t.match(retirement, { outcome: 'retired', signingKid: /./ })
  await keys.reload()
  t.equal(await validate(stolen.token), 401)
  const fresh = await logIn()
  t.not(kidOf(fresh.token), kidOf(stolen.token))
  t.equal(await validate(fresh.token), 200)
  t.ok(await waitFor('the service to learn', async () => (await call(fresh.token)) === 200))
  t.equal(await call(stolen.token), 401, 'although it was verified before')
  t.match(await retireKey(deps, kidOf(stolen.token)), { outcome: 'retired_before' })
  t.match(await retireKey(deps, 'no-such-key'), { outcome: 'unknown' })
})

t.test('after an emergency the waiting key signs at once, never an older one', async (t) => {
  const { db, box, keys } = await start(t)
  const deps = { db, box }
  const oldest = keys.signingKey().kid
  const second = await rotateKeys(deps)
  await advance(db, 601)
  const third = await rotateKeys(deps)
  t.match(await retireKey(deps, String(second)), { outcome: 'retired', signingKid: third })
  await keys.reload()
  t.equal(keys.signingKey().kid, third)
  t.match(await retireKey(deps, String(third)), { outcome: 'retired', signingKid: /./ })
  await keys.reload()
  t.notOk([oldest, second, third].includes(keys.signingKey().kid))
})

t.test('a waiting key that is retired leaves the signing one as it was', async (t) => {
  const { db, box, keys } = await start(t)
  const deps = { db, box }
  const signing = keys.signingKey().kid
  const waiting = await rotateKeys(deps)
  t.strictSame(await retireKey(deps, String(waiting)), { outcome: 'retired', signingKid: signing })
  await advance(db, 86_400)
  await keys.reload()
  t.equal(keys.signingKey().kid, signing)
  t.strictSame(await statesOf(db), ['signing'])
})
