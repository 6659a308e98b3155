import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { answerEmailChanges } from '#src/app/mail-requests/answer-email-changes.ts'
import { answerMailRequests } from '#src/app/mail-requests/answer-mail-requests.ts'
import { purge } from '#src/app/retention/purge.ts'
import { bearer, codeOf } from '#test/authenticator-app.ts'
import { PERSON, startIdentity, TEST_GATEWAY, type TestDb } from '#test/helper.ts'
import { readMails } from '#test/mails.ts'
import { createAuthenticator } from '#test/software-authenticator.ts'

type Identity = Awaited<ReturnType<typeof startIdentity>>

interface Guess {
  email?: string
  password?: string
  from?: string
  cookie?: string | undefined
  headers?: Record<string, string>
}

/** Logs in as a client with an address and a cookie would. */
function visitorsOf({ app, registry }: Pick<Identity, 'app' | 'registry'>) {
  const login = async ({ from = '203.0.113.1', cookie, headers = {}, ...who }: Guess) =>
    app.inject({
      method: 'POST',
      url: '/identity/login',
      remoteAddress: from,
      headers: { ...headers, ...(cookie === undefined ? {} : { cookie }) },
      payload: { email: PERSON.email, password: 'a wrong password', ...who },
    })
  return {
    login,
    statusOf: async (guess: Guess) => (await login(guess)).statusCode,
    right: (guess: Guess) => login({ password: PERSON.password, ...guess }),
    /** Guesses that were compared with a hash. */
    checked: async () => {
      const metric = await registry.getSingleMetric('identity_logins_total')?.get()
      return metric?.values.find(({ labels }) => labels.outcome === 'refused')?.value ?? 0
    },
  }
}

async function start(t: Parameters<typeof startIdentity>[0]) {
  const identity = await startIdentity(t, { queueMax: 1_000 })
  await identity.register({})
  return { ...identity, ...visitorsOf(identity) }
}

const cookieOf = (answer: { headers: Record<string, unknown> }) =>
  String(answer.headers['set-cookie']).split(';')[0]

const quarterHourPasses = (db: TestDb) =>
  sql`update throttles set resets_at = resets_at - interval '15 minutes'`.execute(db)

const addresses = (count: number) =>
  Array.from({ length: count }, (_, index) => `198.18.${index >> 8}.${index & 255}`)

t.test('S4 of 200 parallel guesses at one account from 200 addresses 10 are checked', async (t) => {
  const { statusOf, checked } = await start(t)
  const statuses = await Promise.all(addresses(200).map((from) => statusOf({ from })))
  t.equal(statuses.filter((status) => status === 401).length, 10)
  t.equal(statuses.filter((status) => status === 429).length, 190)
  t.equal(await checked(), 10)
})

t.test('S4 of 10,000 guesses from 1,000 addresses 10 are checked, in any order', async (t) => {
  const { statusOf, checked, db } = await start(t)
  const from = addresses(1_000)
  for (let round = 0; round < 200; round += 1) {
    // The window does not end, however long all the guesses take.
    await sql`update throttles set resets_at = clock_timestamp() + interval '15 minutes'`.execute(
      db,
    )
    const some = from.slice((round * 50) % 1_000, ((round * 50) % 1_000) + 50)
    await Promise.all(some.map((address) => statusOf({ from: address })))
  }
  t.equal(await checked(), 10)
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from throttles`.execute(db)
  t.ok((rows[0]?.count ?? 0) <= 1 + 1 + 2 * 10, 'and what is refused leaves no rows')
})

t.test('S4 of 300 guesses at 300 accounts from one address 100 are checked', async (t) => {
  const { statusOf, checked } = await start(t)
  const guesses = Array.from({ length: 300 }, (_, index) => ({ email: `p${index}@example.org` }))
  const statuses = await Promise.all(guesses.map(statusOf))
  t.equal(statuses.filter((status) => status === 401).length, 100)
  t.equal(await checked(), 100)
})

t.test('S4 one address has 5 guesses at an account, and an IPv6 customer is one', async (t) => {
  const { statusOf } = await start(t)
  const ways = ['2001:db8:1:2::1', '2001:DB8:1:2:ffff::9', '2001:db8:1:2:3:4:5:6']
  for (let tries = 0; tries < 5; tries += 1)
    t.equal(await statusOf({ from: ways[tries % 3] ?? '' }), 401)
  for (const from of ways) t.equal(await statusOf({ from }), 429)
  t.equal(await statusOf({ from: '2001:db8:1:3::1' }), 401)
})

t.test('S4 claimed addresses change nothing; those of the gateway count', async (t) => {
  const { statusOf } = await start(t)
  const claim = (index: number) => ({ 'x-forwarded-for': `198.18.0.${index}` })
  for (let tries = 0; tries < 5; tries += 1)
    t.equal(await statusOf({ from: '203.0.113.5', headers: claim(tries) }), 401)
  t.equal(await statusOf({ from: '203.0.113.5', headers: claim(9) }), 429)
  t.equal(await statusOf({ from: TEST_GATEWAY, headers: claim(9) }), 401)
  const appended = { 'x-forwarded-for': '198.18.0.77, 203.0.113.5' }
  t.equal(await statusOf({ from: TEST_GATEWAY, headers: appended }), 429)
})

t.test('S4 a port behind the address that the gateway names is no part of it', async (t) => {
  const { db, right, statusOf } = await start(t)
  const named = (text: string) => ({ from: TEST_GATEWAY, headers: { 'x-forwarded-for': text } })
  for (let tries = 0; tries < 5; tries += 1)
    t.equal(await statusOf(named(`203.0.113.5:${5_000 + tries}`)), 401)
  t.equal(await statusOf(named('203.0.113.5')), 429)
  for (const text of ['203.0.113.6:5678', '[2001:db8::1]:5678', 'unknown']) {
    t.equal((await right(named(text))).statusCode, 200, text)
  }
  const { rows } = await sql<{ address: string | null }>`
    select host(address) as address from sessions order by id desc limit 3`.execute(db)
  t.same(new Set(rows.map(({ address }) => address)), new Set(['203.0.113.6', '2001:db8::1', null]))
})

t.test('S4 counters hold across replicas and survive a restart', async (t) => {
  const one = await start(t)
  const other = visitorsOf(await startIdentity(t, { beside: one }))
  const guesses = addresses(60).map((from, index) => [one, other][index % 2]?.statusOf({ from }))
  const statuses = await Promise.all(guesses)
  t.equal(statuses.filter((status) => status === 401).length, 10)
  t.equal((await one.checked()) + (await other.checked()), 10)
  await one.app.close()
  const restarted = visitorsOf(await startIdentity(t, { beside: one }))
  t.equal(await restarted.statusOf({ from: '203.0.113.77' }), 429)
})

t.test('S4 the owner gets in from a known place while strangers guess without end', async (t) => {
  const { right, statusOf, db } = await start(t)
  const home = '192.0.2.10'
  const cookie = cookieOf(await right({ from: home }))
  for (let hour = 0; hour < 4; hour += 1) {
    await Promise.all(addresses(30).map((from) => statusOf({ from })))
    t.equal(await statusOf({ from: '203.0.113.9' }), 429, 'the account is full for strangers')
    t.equal((await right({ from: home })).statusCode, 200, 'a known address')
    t.equal((await right({ from: `192.0.2.${20 + hour}`, cookie })).statusCode, 200, 'a device')
    await quarterHourPasses(db)
  }
})

t.test('S4 a known device gets in although a stranger guesses behind its address', async (t) => {
  const { right, statusOf } = await start(t)
  const cookie = cookieOf(await right({}))
  for (let tries = 0; tries < 120; tries += 1)
    await statusOf({ email: tries < 6 ? PERSON.email : `p${tries}@example.org` })
  t.equal((await right({})).statusCode, 429, 'without its cookie it is like the stranger')
  t.equal((await right({ cookie })).statusCode, 200)
})

t.test('a known device has ten guesses, and a made-up or foreign cookie is none', async (t) => {
  const { right, statusOf, register, checked } = await start(t)
  const cookie = cookieOf(await right({}))
  for (let tries = 0; tries < 10; tries += 1)
    t.equal(await statusOf({ cookie, from: `198.18.9.${tries}` }), 401)
  t.equal(await statusOf({ cookie }), 429)
  await register({ email: 'eve@example.org' })
  const foreign = cookieOf(await right({ email: 'eve@example.org', from: '198.51.100.1' }))
  const before = await checked()
  for (let tries = 0; tries < 30; tries += 1) {
    const madeUp = `auction_device=${randomBytes(32).toString('base64url')}`
    await statusOf({ cookie: tries % 2 === 0 ? madeUp : foreign, from: '198.51.100.1' })
  }
  t.equal((await checked()) - before, 5, 'counted like any caller behind that address')
})

t.test('a cookie that a stranger put into a browser does not become a known one', async (t) => {
  const { right, register } = await start(t)
  await register({ email: 'eve@example.org' })
  const planted = cookieOf(await right({ email: 'eve@example.org' }))
  const answer = await right({ cookie: planted })
  t.not(cookieOf(answer), planted)
  t.equal(cookieOf(await right({ cookie: cookieOf(answer) })), cookieOf(answer), 'its own is kept')
  const text = String(answer.headers['set-cookie'])
  t.match(text, /; Path=\/; Max-Age=7776000; HttpOnly; SameSite=Strict; Secure$/)
})

t.test('a right password resets what its owner filled, and takes one back', async (t) => {
  const { right, statusOf } = await start(t)
  for (let round = 0; round < 3; round += 1) {
    for (let tries = 0; tries < 4; tries += 1) t.equal(await statusOf({}), 401)
    t.equal((await right({})).statusCode, 200)
  }
  for (let logins = 0; logins < 110; logins += 1) t.equal((await right({})).statusCode, 200)
})

t.test('a caller who goes on filling the same limit waits longer each time', async (t) => {
  const { login, statusOf, db } = await start(t)
  const waits: number[] = []
  for (let window = 0; window < 5; window += 1) {
    while ((await statusOf({})) !== 429);
    const refused = await login({})
    t.match(refused.json(), { code: 'identity.throttled' })
    waits.push(Math.round(Number(refused.headers['retry-after']) / 60))
    await sql`update throttles set resets_at = clock_timestamp()`.execute(db)
  }
  t.same(waits, [15, 30, 60, 60, 60], 'minutes')
  await sql`update throttles set resets_at = clock_timestamp() - interval '25 hours'`.execute(db)
  while ((await statusOf({})) !== 429);
  t.ok(Number((await login({})).headers['retry-after']) <= 900, 'a day later it is forgotten')
})

t.test('S3 an address without an account is refused alike, try by try', async (t) => {
  const { login } = await start(t)
  const answersFor = async (email: string, from: string) => {
    const answers: unknown[] = []
    const beganAtMs = performance.now()
    for (let tries = 0; tries < 8; tries += 1) {
      const answer = await login({ email, from })
      const { traceId, ...body } = answer.json()
      if (body.details !== undefined) {
        // The tries before take a while of the window, for each address another one.
        const takenSeconds = Math.ceil((performance.now() - beganAtMs) / 1_000)
        const { retryAfterSeconds } = body.details
        t.ok(
          retryAfterSeconds <= 900 && retryAfterSeconds >= 900 - takenSeconds,
          'the whole window',
        )
        body.details.retryAfterSeconds = 'the rest of the window'
      }
      const names = Object.keys(answer.headers).sort()
      answers.push({ status: answer.statusCode, names, body })
      t.type(traceId, 'string')
    }
    return JSON.stringify(answers)
  }
  const known = await answersFor(PERSON.email, '198.51.100.1')
  t.equal(await answersFor('unknown@example.org', '198.51.100.2'), known)
  t.match(known, /identity.throttled/)
})

t.test('a new password makes every place a stranger again', async (t) => {
  const { app, db, right } = await start(t)
  const answer = await right({})
  const { token } = answer.json()
  const counted = async () => {
    const { rows } = await sql`select 1 from known_origins`.execute(db)
    return rows.length
  }
  t.equal(await counted(), 2, 'an address and a device')
  const changed = await app.inject({
    method: 'POST',
    url: '/identity/password/change',
    headers: { authorization: `Bearer ${token}` },
    payload: { newPassword: 'another long password of Ann' },
  })
  t.equal(changed.statusCode, 204)
  t.equal(await counted(), 0)
})

t.test('a proof of ownership clears what was wrong before, at every place', async (t) => {
  const identity = await startIdentity(t, { queueMax: 1_000 })
  const { db, mails, mailSeal, post } = identity
  const { right, statusOf } = visitorsOf(identity)
  const newestLink = async (to: string) => {
    await answerMailRequests({ db, mails })
    await answerEmailChanges({ db, mails })
    const { sealedSecret = '', mailId = '' } =
      (await readMails(db)).filter((mail) => mail.to === to && 'link' in mail).at(-1) ?? {}
    return mailSeal.open(Buffer.from(sealedSecret, 'base64'), mailId)
  }
  const NEW = 'a quite different phrase'
  interface Owner {
    email: string
    password: string
    token: string
    passkey: ReturnType<typeof createAuthenticator>
  }
  const as = ({ token }: Owner) => bearer(identity, token)
  const prove: Record<string, (owner: Owner) => Promise<unknown>> = {
    'a reset by mail': async (owner) => {
      await post('password/forgot', { email: owner.email })
      const token = await newestLink(owner.email)
      const answer = await post('password/reset', { token, newPassword: NEW })
      t.equal(answer.statusCode, 204)
      owner.password = NEW
    },
    'a new password': async (owner) => {
      const answer = await as(owner).post('password/change', { newPassword: NEW })
      t.equal(answer.statusCode, 204)
      owner.password = NEW
    },
    'another address': async (owner) => {
      const email = `new-${owner.email}`
      for (const from of ['203.0.113.1', '198.18.7.1', '198.18.7.2'])
        for (let tries = 0; tries < 5; tries += 1) await statusOf({ email, from })
      await as(owner).post('email/change', { email })
      const answer = await post('email/confirm', { token: await newestLink(email) })
      t.equal(answer.statusCode, 204)
      owner.email = email
    },
    'a passkey': async ({ passkey }) => {
      const options = (await post('passkeys/login/options', {})).json()
      const answer = await post('passkeys/login/verify', { credential: passkey.get(options) })
      t.equal(answer.statusCode, 200)
    },
    'a passkey in a session': async (owner) => {
      const options = (await as(owner).post('reauthenticate/passkey')).json()
      const passkey = owner.passkey.get(options)
      const answer = await as(owner).post('reauthenticate', { passkey })
      t.equal(answer.statusCode, 200)
    },
    'the link that keeps a closed account': async (owner) => {
      const headers = { authorization: `Bearer ${owner.token}` }
      const closing = { method: 'DELETE', url: '/identity/me', headers } as const
      t.equal((await identity.app.inject(closing)).statusCode, 202)
      const token = await newestLink(owner.email)
      t.equal((await post('deletion/withdraw', { token })).statusCode, 204)
    },
    'a recovery code in a session': async (owner) => {
      const { secret } = (await as(owner).post('2fa/enable')).json()
      const { recoveryCodes } = (
        await as(owner).post('2fa/verify', { code: await codeOf(secret) })
      ).json()
      const { password } = owner
      const answer = await as(owner).post('reauthenticate', { password, code: recoveryCodes[0] })
      t.equal(answer.statusCode, 200)
    },
  }
  for (const [index, [name, proof]] of Object.entries(prove).entries()) {
    const email = `owner${index}@example.org`
    const { password } = PERSON
    await identity.register({ email })
    const { token } = (await identity.login({ email })).json()
    const passkey = createAuthenticator()
    const owner: Owner = { email, password, token, passkey }
    const options = (await as(owner).post('passkeys/register/options')).json()
    const credential = passkey.create(options)
    await as(owner).post('passkeys/register/verify', { name: 'a key', credential })
    const places = ['203.0.113.1', `198.18.${index}.1`, `198.18.${index}.2`]
    for (const from of places) while ((await statusOf({ email, from })) !== 429);
    t.equal((await right({ email, from: '203.0.113.1' })).statusCode, 429, name)
    await proof(owner)
    for (const from of places) {
      const answer = await right({ email: owner.email, password: owner.password, from })
      t.ok([200, 202].includes(answer.statusCode), `${name}: ${answer.statusCode} from ${from}`)
    }
  }
})

t.test('of many places the last twenty are remembered', async (t) => {
  const { right, db } = await start(t)
  for (let index = 0; index < 14; index += 1) await right({ from: `192.0.2.${index}` })
  const { rows } = await sql`select 1 from known_origins`.execute(db)
  t.equal(rows.length, 20)
})

t.test('registrations, forgotten passwords and codes are counted by address', async (t) => {
  const { app } = await start(t)
  const send = async (path: string, payload: object, remoteAddress = '203.0.113.50') => {
    const answer = await app.inject({
      method: 'POST',
      url: `/identity/${path}`,
      remoteAddress,
      payload,
    })
    return answer.json().code ?? 'fine'
  }
  const many = async (count: number, one: (index: number) => Promise<string>) => {
    const answers: string[] = []
    for (let index = 0; index < count; index += 1) answers.push(await one(index))
    return (answer: string) => answers.filter((other) => other === answer).length
  }
  const person = (index: number) => ({ ...PERSON, email: `n${index}@example.org` })
  const registered = await many(110, (index) => send('register', person(index)))
  t.equal(registered('identity.throttled'), 10)
  const guessed = await many(110, () => send('2fa/challenge', { token: 'x', code: '123456' }))
  t.equal(guessed('identity.throttled'), 10)
  t.equal(guessed('identity.pending_login_over'), 100)
  const forgot = await many(25, (index) => send('password/forgot', { email: `f${index}@e.org` }))
  t.equal(forgot('identity.throttled'), 5)
  const elsewhere = '203.0.113.60'
  const same = await many(8, () => send('password/forgot', { email: PERSON.email }, elsewhere))
  t.equal(same('identity.throttled'), 3, 'five links to one account from one address')
  t.equal(await send('password/forgot', { email: PERSON.email }, '192.0.2.1'), 'fine', 'the owner')
})

t.test(
  'who is refused is counted by whose limit it was, and old counters are purged',
  async (t) => {
    const { statusOf, registry, db, right } = await start(t)
    for (let tries = 0; tries < 7; tries += 1) await statusOf({})
    const text = await registry.getSingleMetricAsString('identity_throttled_total')
    t.match(text, /identity_throttled_total\{by="pair".*\} 2/)
    await right({ from: '192.0.2.1' })
    t.match(await purge(db), { throttles: 0, origins: 0 })
    await sql`update throttles set resets_at = clock_timestamp() - interval '25 hours'`.execute(db)
    await sql`update known_origins set last_seen_at = clock_timestamp() - interval '91 days'`.execute(
      db,
    )
    const purged = await purge(db, 2)
    t.ok(purged.throttles >= 3)
    t.equal(purged.origins, 2)
  },
)
