import { sql } from 'kysely'
import t from 'tap'
import { CODE_TRIES } from '#src/domain/two-factor.ts'
import { usePasskey } from '#src/infra/postgres/passkeys/passkeys.ts'
import { admitTotpTry, spendTotpStep } from '#src/infra/postgres/two-factor/totp-secrets.ts'
import { codeOf, enrol } from '#test/authenticator-app.ts'
import { startIdentity } from '#test/helper.ts'

const PARALLEL = 50

async function start(t: Parameters<typeof startIdentity>[0]) {
  // Passwords are tried in parallel here; how often that may be is not the question.
  const identity = await startIdentity(t, { throttles: { triesPerAccount: 1_000 } })
  const { app, login } = identity
  const ann = await enrol(identity, 'ann@example.org')
  const pending = async () =>
    (await login({ email: 'ann@example.org' })).json().details.token as string
  const challenge = async (token: string, code: string) => {
    const url = '/identity/2fa/challenge'
    const response = await app.inject({ method: 'POST', url, payload: { token, code } })
    return (response.json().code as string | undefined) ?? 'accepted'
  }
  const count = (answers: readonly string[], answer: string) =>
    answers.filter((other) => other === answer).length
  return { ...identity, ann, pending, challenge, count }
}

t.test('one code of the app in 50 parallel logins opens exactly one session', async (t) => {
  const { db, ann, pending, challenge, count } = await start(t)
  const tokens = await Promise.all(Array.from({ length: PARALLEL }, pending))
  const code = await codeOf(ann.secret, 1)
  const answers = await Promise.all(tokens.map((token) => challenge(token, code)))
  t.equal(count(answers, 'accepted'), 1)
  t.ok(
    answers.every((answer) => /^(accepted|identity\.(invalid_code|too_many_codes))$/.test(answer)),
  )
  const { rows } = await sql`select 1 from sessions where revoked_at is null`.execute(db)
  t.equal(rows.length, 2, 'the one that enrolled and the new one')
})

t.test('one recovery code in 50 parallel logins opens exactly one session', async (t) => {
  const { ann, pending, challenge, count } = await start(t)
  const tokens = await Promise.all(Array.from({ length: PARALLEL }, pending))
  const answers = await Promise.all(
    tokens.map((token) => challenge(token, ann.recoveryCodes[0] ?? '')),
  )
  t.equal(count(answers, 'accepted'), 1)
  t.equal(count(answers, 'identity.invalid_code'), PARALLEL - 1)
  t.same((await ann.as.get('2fa/recovery-codes')).json(), { left: 9 })
})

t.test('one half login submitted 50 times in parallel opens exactly one session', async (t) => {
  const { ann, pending, challenge, count } = await start(t)
  const token = await pending()
  const code = await codeOf(ann.secret, 1)
  const answers = await Promise.all(Array.from({ length: PARALLEL }, () => challenge(token, code)))
  t.equal(count(answers, 'accepted'), 1)
})

t.test(
  'of 50 parallel transactions that spend one step one succeeds, and no older step',
  async (t) => {
    const { db, ann } = await start(t)
    const spend = (step: number) =>
      db.transaction().execute((tx) => spendTotpStep(tx, ann.id, step))
    const step = 2_000_000_000
    const spent = await Promise.all(Array.from({ length: PARALLEL }, () => spend(step)))
    t.equal(spent.filter(Boolean).length, 1)
    t.equal(await spend(step - 1), false)
    t.equal(await spend(step + 1), true)
  },
)

t.test(
  'of 50 parallel uses of a passkey with one count one succeeds, and no lower one',
  async (t) => {
    const { db, ann } = await start(t)
    await sql`insert into passkeys (id, user_id, name, public_key, counter, is_backed_up)
            values ('a', ${ann.id}, 'mine', '', 7, false)`.execute(db)
    const use = (counter: number) =>
      db.transaction().execute((tx) => usePasskey(tx, { id: 'a', counter, isBackedUp: false }))
    const used = await Promise.all(Array.from({ length: PARALLEL }, () => use(8)))
    t.equal(used.filter(Boolean).length, 1)
    t.same([await use(7), await use(0), await use(9)], [false, false, true])
  },
)

t.test('tries are counted before the code is looked at, however many come at once', async (t) => {
  const { db, ann } = await start(t)
  const admitMany = async () => {
    const tries = Array.from({ length: 40 }, () => admitTotpTry(db, ann.id))
    return (await Promise.all(tries)).filter((admitted) => admitted !== undefined).length
  }
  const { short, long } = CODE_TRIES
  const pass = (seconds: number) =>
    sql`update totp_secrets
           set short_window_began_at = short_window_began_at - make_interval(secs => ${seconds}),
               long_window_began_at = long_window_began_at - make_interval(secs => ${seconds})`.execute(
      db,
    )
  t.equal(await admitMany(), short.max)
  t.equal(await admitMany(), 0)
  let inOneDay = short.max
  for (const _ of [1, 2, 3]) {
    await pass(short.seconds + 1)
    inOneDay += await admitMany()
  }
  t.equal(inOneDay, long.max, 'quarter after quarter of an hour, the day has its own limit')
  await pass(long.seconds)
  t.equal(await admitMany(), short.max, 'the next day')
})

t.test('who guesses codes is stopped; the owner still gets in by a recovery code', async (t) => {
  const { app, db, login, ann, pending, challenge } = await start(t)
  for (const _ of [1, 2]) {
    const token = await pending()
    for (let tries = 0; tries < 5; tries += 1) {
      t.equal(await challenge(token, '000000'), 'identity.invalid_code')
    }
  }
  const payload = { token: await pending(), code: await codeOf(ann.secret, 1) }
  const stopped = await app.inject({ method: 'POST', url: '/identity/2fa/challenge', payload })
  t.match([stopped.statusCode, stopped.json().code], [429, 'identity.too_many_codes'])
  const wait = Number(stopped.headers['retry-after'])
  const spent = await sql<{ seconds: number }>`
    select extract(epoch from clock_timestamp() - short_window_began_at)::float8 as seconds
      from totp_secrets`.execute(db)
  t.ok(wait <= 900 && wait >= 900 - Number(spent.rows[0]?.seconds), 'until the window is over')
  await sql`update totp_secrets set long_window_tries = 30,
    long_window_began_at = clock_timestamp() - interval '1 hour'`.execute(db)
  const later = await app.inject({ method: 'POST', url: '/identity/2fa/challenge', payload })
  const untilTomorrow = Number(later.headers['retry-after'])
  t.ok(untilTomorrow > 900 && untilTomorrow <= 23 * 3_600, 'until the longer of the full ones is')
  t.equal(later.json().details.retryAfterSeconds, untilTomorrow)
  t.equal(await challenge(await pending(), ann.recoveryCodes[0] ?? ''), 'accepted')
  t.equal((await login({ email: 'ann@example.org' })).statusCode, 202, 'the password is not locked')
})

t.test('a stranger without the password uses none of the tries up', async (t) => {
  const { login, ann, pending, challenge } = await start(t)
  for (let tries = 0; tries < 5; tries += 1) {
    await login({ email: 'ann@example.org', password: 'wrong password' })
    t.equal(await challenge('A'.repeat(43), '000000'), 'identity.pending_login_over')
  }
  t.equal(await challenge(await pending(), await codeOf(ann.secret, 1)), 'accepted')
})
