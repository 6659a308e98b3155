import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import t from 'tap'
import { answerMailRequests } from '#src/app/mail-requests/answer-mail-requests.ts'
import { purge } from '#src/app/retention/purge.ts'
import { PERSON, startIdentity } from '#test/helper.ts'
import { readMails } from '#test/mails.ts'

const NEW = 'a quite different phrase'

async function start(t: Parameters<typeof startIdentity>[0]) {
  const identity = await startIdentity(t)
  const { app, db, mails, mailSeal, post } = identity
  const { id } = (await identity.register({})).json()
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const mailed = async () => {
    await answerMailRequests({ db, mails })
    return readMails(db)
  }
  return {
    ...identity,
    id: String(id),
    mailed,
    logIn: async (password: string = PERSON.password) =>
      (await identity.login({ password })).json() as { token: string; refreshToken: string },
    validate: async (token: string) =>
      (await app.inject({ url: '/identity/validate', headers: bearer(token) })).statusCode,
    change: (token: string, newPassword: string) =>
      app.inject({
        method: 'POST',
        url: '/identity/password/change',
        headers: bearer(token),
        payload: { newPassword },
      }),
    forgot: (email: string) => post('password/forgot', { email }),
    reset: (token: string, newPassword: string = NEW) =>
      post('password/reset', { token, newPassword }),
    /** Asks for a link and answers the secret in it, as its receiver would see it. */
    async link() {
      await post('password/forgot', { email: PERSON.email })
      const mail = (await mailed()).filter(({ template }) => template === 'reset_password').at(-1)
      return mailSeal.open(Buffer.from(mail?.sealedSecret ?? '', 'base64'), mail?.mailId ?? '')
    },
  }
}

t.test('S6: a new password ends every other session in the same moment', async (t) => {
  const world = await start(t)
  const [mine, other] = [await world.logIn(), await world.logIn()]
  t.equal((await world.change(mine.token, NEW)).statusCode, 204)
  t.equal(await world.validate(mine.token), 200)
  t.equal(await world.validate(other.token), 401)
  t.equal((await world.refresh(other.refreshToken)).statusCode, 401)
  t.equal((await world.login({})).statusCode, 401, 'the old one is no good')
  t.equal((await world.login({ password: NEW })).statusCode, 200)
  t.match(await world.mailed(), [{ template: 'password_changed', to: PERSON.email }])
  const audit = await world.db.selectFrom('audit_entries').selectAll().execute()
  t.match(audit, [{ action: 'password.changed', actor_id: world.id, subject_id: world.id }])
})

t.test('S6: a change that waited while its session ended is not made after all', async (t) => {
  const world = await start(t)
  const acts: Record<string, (token: string) => PromiseLike<{ statusCode: number }>> = {
    'new password': (token) => world.change(token, 'the words of a thief'),
    'new authenticator': (token) =>
      world.app.inject({
        method: 'POST',
        url: '/identity/2fa/enable',
        headers: { authorization: `Bearer ${token}` },
      }),
  }
  for (const [name, act] of Object.entries(acts)) {
    const { token } = await world.logIn()
    let answer: PromiseLike<{ statusCode: number }> | undefined
    // What a reset does: it holds the user's row while the thief's request comes in.
    await world.db.transaction().execute(async (tx) => {
      await sql`select from users where id = ${world.id} for update`.execute(tx)
      answer = act(token).then((answered) => answered)
      await waitFor('the change to wait', async () => {
        const { rows } = await sql<{ waiting: number }>`
          select count(*)::int as waiting from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock'`.execute(world.db)
        return rows[0]?.waiting === 1
      })
      await sql`
        update sessions set revoked_at = clock_timestamp(), revoked_reason = 'password_reset'
         where user_id = ${world.id} and revoked_at is null`.execute(tx)
    })
    t.equal((await answer)?.statusCode, 401, name)
  }
  t.equal((await world.login({})).statusCode, 200, 'the password is the old one')
  t.strictSame(await world.db.selectFrom('totp_secrets').selectAll().execute(), [])
})

t.test('S11: changing it asks for a fresh proof', async (t) => {
  const world = await start(t)
  const { token } = await world.logIn()
  await sql`update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'`.execute(
    world.db,
  )
  t.match((await world.change(token, NEW)).json(), { code: 'identity.proof_required' })
  t.equal((await world.login({})).statusCode, 200, 'nothing has changed')
})

t.test('S10: a mailed link works once, ends every session and logs no user in', async (t) => {
  const world = await start(t)
  const session = await world.logIn()
  const secret = await world.link()
  const answer = await world.reset(secret)
  t.equal(answer.statusCode, 204)
  t.equal(answer.body, '', 'no session comes with it')
  t.equal(await world.validate(session.token), 401)
  t.equal((await world.login({ password: NEW })).statusCode, 200)
  t.match((await world.reset(secret, 'yet another phrase')).json(), {
    code: 'identity.invalid_link',
  })
})

t.test('S10: of 50 parallel uses of a link one wins', async (t) => {
  const world = await start(t)
  const secret = await world.link()
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => world.reset(secret, `phrase number ${index} of many`)),
  )
  t.equal(answers.filter(({ statusCode }) => statusCode === 204).length, 1)
  t.equal(answers.filter(({ statusCode }) => statusCode === 400).length, 49)
  const winner = answers.findIndex(({ statusCode }) => statusCode === 204)
  t.equal((await world.login({ password: `phrase number ${winner} of many` })).statusCode, 200)
})

t.test('S10: a link dies with time or with a newer password, no other secret works', async (t) => {
  const world = await start(t)
  const late = await world.link()
  await sql`update password_resets set expires_at = clock_timestamp()`.execute(world.db)
  t.equal((await world.reset(late)).statusCode, 400)
  const older = await world.link()
  const newer = await world.link()
  t.equal((await world.reset(newer)).statusCode, 204)
  t.equal((await world.reset(older)).statusCode, 400, 'the other link of this user is dead as well')
  const unused = await world.link()
  const { token } = await world.logIn(NEW)
  t.equal((await world.change(token, 'changed by the owner')).statusCode, 204)
  t.equal((await world.reset(unused)).statusCode, 400)
  for (const secret of ['', 'x', 'A'.repeat(43), `${unused}x`]) {
    t.equal((await world.reset(secret)).statusCode, 400, secret)
  }
})

t.test('S3: nothing shows whether an address has an account', async (t) => {
  const world = await start(t)
  const shape = ({ statusCode, headers, body }: Awaited<ReturnType<typeof world.forgot>>) => {
    const { date, 'x-correlation-id': _id, ...kept } = headers
    return { statusCode, kept, body }
  }
  const known = await world.forgot(PERSON.email)
  t.equal(known.statusCode, 202)
  t.strictSame(shape(await world.forgot('unknown@example.org')), shape(known))
  t.strictSame(shape(await world.forgot('no address')), shape(known))
  t.equal((await world.mailed()).length, 1, 'only the account is mailed')
})

t.test('one account is mailed five links an hour', async (t) => {
  const world = await start(t)
  for (let index = 0; index < 8; index += 1) await world.forgot(PERSON.email)
  t.equal((await world.mailed()).length, 5)
  await sql`update password_resets set expires_at = clock_timestamp()`.execute(world.db)
  await purge(world.db)
  await world.forgot(PERSON.email)
  t.equal((await world.mailed()).length, 5, 'also when those have expired')
})

t.test('S12: no table holds the secret of a mailed link', async (t) => {
  const world = await start(t)
  const secret = await world.link()
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
     where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(world.db)
  t.ok(rows.length > 8)
  for (const { name } of rows) {
    const dump = await sql<{ text: string }>`
      select coalesce(string_agg(t::text, ' '), '') as text from ${sql.table(name)} as t`.execute(
      world.db,
    )
    t.notOk(dump.rows[0]?.text.includes(secret), name)
  }
})

t.test('S2: weak passwords are refused wherever one is set', async (t) => {
  const world = await start(t)
  const { token } = await world.logIn()
  const secret = await world.link()
  for (const [password, reason] of [
    ['password', 'common'],
    ['ann@example.org', 'like_email'],
    ['short', 'too-short'],
    ['x'.repeat(129), 'too-long'],
  ] as const) {
    const wanted = (field: string) => ({
      code: 'identity.invalid_password',
      details: { field, reason },
    })
    t.match((await world.register({ password })).json(), wanted('password'))
    t.match((await world.change(token, password)).json(), wanted('newPassword'))
    t.match((await world.reset(secret, password)).json(), wanted('newPassword'))
  }
  t.equal(
    (await world.reset(secret)).statusCode,
    204,
    'a refused password does not use the link up',
  )
})

t.test('S2: a breached password is refused, and an absent service keeps no user out', async (t) => {
  const breached = 'an uncommon but stolen phrase'
  const digest = createHash('sha1').update(breached).digest('hex').toUpperCase()
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end(`${'0'.repeat(35)}:3\r\n${digest.slice(5)}:17\r\n${'F'.repeat(35)}:0`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const identity = await startIdentity(t, { breachedPasswordsUrl: `http://127.0.0.1:${port}/` })
  t.match((await identity.register({ password: breached })).json(), {
    details: { reason: 'breached' },
  })
  t.strictSame(asked, [`/range/${digest.slice(0, 5)}`], 'the service learns five digits')
  t.equal((await identity.register({})).statusCode, 201)
  await new Promise((resolve) => server.close(resolve))
  t.equal((await identity.register({ email: 'b@example.org', password: breached })).statusCode, 201)
})
