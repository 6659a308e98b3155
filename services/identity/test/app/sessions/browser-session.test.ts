import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { sql } from 'kysely'
import t from 'tap'
import { purge } from '#src/app/retention/purge.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import { codeOf, enrol } from '#test/authenticator-app.ts'
import { asGateway, COOKIE, OWN_PAGE, openBrowser, sessionLine, setCookies } from '#test/browser.ts'
import { dumpOf } from '#test/dump.ts'
import { decode } from '#test/forge.ts'
import { PERSON, PUBLIC_URL, startIdentity } from '#test/helper.ts'

const { password } = PERSON
const cookieOf = (secret = '') => ({ cookie: `${COOKIE}=${secret}` })

t.test('a browser logs in and is given a cookie and nothing that a script can read', async (t) => {
  const identity = await startIdentity(t)
  const { id } = (await identity.register({})).json()
  const browser = openBrowser(identity)
  const answer = await browser.logIn()
  t.equal(answer.statusCode, 204)
  t.equal(answer.body, '')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.match(
    sessionLine(answer),
    /^__Host-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
  )
  t.notOk(answer.headers.authorization)

  t.test('it is in the database as a digest, and has no refresh token', async (t) => {
    const secret = browser.secret() ?? ''
    const { rows } = await sql`
      select user_id, remembered from sessions where cookie_digest = ${digestOf(secret)}`.execute(
      identity.db,
    )
    t.match(rows, [{ user_id: id, remembered: false }])
    const dump = await dumpOf(identity.db)
    t.notOk(dump.includes(secret))
    t.notOk(dump.includes(Buffer.from(secret, 'base64url').toString('hex')))
    t.equal((await identity.db.selectFrom('refresh_tokens').selectAll().execute()).length, 0)
  })

  t.test('its cookie is enough for every route, and the answer of none has a token', async (t) => {
    t.match((await browser.get('me')).json(), { id, email: PERSON.email })
    t.match((await browser.get('sessions')).json().sessions, [{ current: true }])
    const validated = await browser.get('validate')
    t.equal(validated.statusCode, 200)
    t.notOk(validated.headers.authorization, 'a script that asks gets no token')
    const terms = (await browser.get('seller-terms')).json()
    const agreed = await browser.post('me/seller-terms', terms)
    t.strictSame(agreed.json(), { roles: ['user', 'seller'] })
  })

  t.test('the gateway is given a token of ten minutes at most, and the same again', async (t) => {
    const asked = await asGateway(identity, cookieOf(browser.secret()))
    t.equal(asked.statusCode, 200)
    t.equal(asked.headers['x-user-id'], id)
    const token = String(asked.headers.authorization).replace('Bearer ', '')
    const { claims } = decode(token)
    t.match(claims, { sub: id, aud: 'api', roles: ['user', 'seller'] })
    t.equal(Number(claims.exp) - Number(claims.iat), 600)
    const again = await asGateway(identity, cookieOf(browser.secret()))
    t.equal(again.headers.authorization, asked.headers.authorization)
    const bearer = { authorization: `Bearer ${token}` }
    const byToken = await asGateway(identity, bearer)
    t.equal(byToken.headers.authorization, bearer.authorization, 'a bearer token is handed on')
  })
})

t.test('a cookie is given to pages of this site alone', async (t) => {
  const identity = await startIdentity(t)
  await identity.register({})
  const from: Record<string, [Record<string, string>, number]> = {
    'a page of this site': [OWN_PAGE, 204],
    'an old browser, by its Origin': [{ origin: PUBLIC_URL }, 204],
    'another site': [{ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, 403],
    'another port of this host': [{ 'sec-fetch-site': 'same-site', origin: PUBLIC_URL }, 403],
    'another site in an old browser': [{ origin: 'https://evil.example' }, 403],
    'a page without an origin': [{ origin: 'null' }, 403],
    'no browser': [{}, 403],
    'an address that was typed': [{ 'sec-fetch-site': 'none' }, 403],
  }
  for (const [who, [headers, status]] of Object.entries(from)) {
    const login = { email: PERSON.email, password, transport: 'cookie' }
    const answer = await openBrowser(identity).send('POST', 'login', login, headers)
    t.equal(answer.statusCode, status, who)
    t.equal(sessionLine(answer) !== undefined, status === 204, who)
    if (status === 403) t.equal(answer.json().code, 'identity.cross_site')
  }
  t.equal((await identity.login({})).statusCode, 200, 'programs log in for tokens as ever')
})

t.test('what changes something counts from pages of this site alone', async (t) => {
  const identity = await startIdentity(t)
  await identity.register({})
  const browser = openBrowser(identity)
  await browser.logIn()
  const cookie = cookieOf(browser.secret())
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'MADEUP']) {
    for (const [headers, status] of [
      [OWN_PAGE, 200],
      [{ origin: PUBLIC_URL }, 200],
      [{ 'sec-fetch-site': 'same-site', origin: PUBLIC_URL }, 403],
      [{ 'sec-fetch-site': 'cross-site' }, 403],
      [{ 'sec-fetch-site': 'none' }, 403],
      [{ origin: `${PUBLIC_URL}:8443` }, 403],
      [{ origin: 'null' }, 403],
      [{}, 403],
    ] as const) {
      for (const path of ['validate', 'validate/optional']) {
        const answer = await asGateway(identity, { ...cookie, ...headers }, { method, path })
        t.equal(answer.statusCode, status, `${path} ${method} ${JSON.stringify(headers)}`)
        if (status === 403) t.notOk(answer.headers.authorization)
      }
    }
  }
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    const linked = { ...cookie, 'sec-fetch-site': 'cross-site' }
    t.equal((await asGateway(identity, linked, { method })).statusCode, 200, `a link: ${method}`)
  }
  const evil = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  for (const path of ['logout', 'logout/everywhere', 'passkeys/register/options']) {
    const answer = await browser.send('POST', path, undefined, evil)
    t.match([answer.statusCode, answer.json().code], [403, 'identity.cross_site'], path)
  }
  t.equal((await browser.get('me')).statusCode, 200, 'the session stands')
  const { token } = (await identity.login({})).json()
  const byToken = { authorization: `Bearer ${token}`, ...evil }
  t.equal((await asGateway(identity, byToken, { method: 'POST' })).statusCode, 200)
})

t.test('a forged, foreign, repeated or ended cookie opens nothing', async (t) => {
  const identity = await startIdentity(t)
  await identity.register({})
  const browser = openBrowser(identity)
  await browser.logIn()
  const secret = browser.secret() ?? ''
  const { rows } = await sql<{ id: string; digest: Buffer }>`
    select id, cookie_digest as digest from sessions`.execute(identity.db)
  const [stored] = rows
  const tokens = (await identity.login({})).json()
  const forged: Record<string, string> = {
    'made up': `${COOKIE}=${'A'.repeat(43)}`,
    'one letter changed': `${COOKIE}=${secret.slice(0, -2)}${secret.endsWith('AA') ? 'BB' : 'AA'}`,
    'too short': `${COOKIE}=${secret.slice(0, 42)}`,
    'too long': `${COOKIE}=${secret}A`,
    empty: `${COOKIE}=`,
    'the digest of the database': `${COOKIE}=${stored?.digest.toString('base64url')}`,
    'the id of the session': `${COOKIE}=${stored?.id}`,
    'an access token': `${COOKIE}=${tokens.token}`,
    'a refresh token': `${COOKIE}=${tokens.refreshToken}`,
    'under the name of http': `session=${secret}`,
    'under another name': `x${COOKIE}=${secret}`,
    'in other letters': `${COOKIE.toLowerCase()}=${secret}`,
    'in quotes': `${COOKIE}="${secret}"`,
    'inside another cookie': `note=${COOKIE}=${secret}`,
    // A browser takes it for a name without the prefix, so that another host may have set it.
    'after a space that is none of HTTP': `\u{a0}${COOKIE}=${secret}`,
    'before such a space': `${COOKIE}=${secret}\u{a0}`,
  }
  for (const [how, cookie] of Object.entries(forged)) {
    const asked = await asGateway(identity, { cookie })
    t.equal(asked.statusCode, 401, how)
    t.notOk(asked.headers.authorization ?? asked.headers['x-user-id'], how)
    const open = await asGateway(identity, { cookie }, { path: 'validate/optional' })
    t.equal(open.statusCode, 200, `${how}: a visitor where visitors may come`)
    t.notOk(open.headers.authorization ?? open.headers['x-user-id'], how)
    t.same(setCookies(open), [], 'and the cookie is not cleared, it may be replaced just now')
  }
  const twice = { cookie: `${COOKIE}=${'A'.repeat(43)}; ${COOKIE}=${secret}` }
  t.equal((await asGateway(identity, twice)).statusCode, 401, 'which one is it?')
  const path = 'validate/optional'
  const visitor = await asGateway(identity, { ...twice, ...OWN_PAGE }, { path, method: 'POST' })
  t.equal(visitor.statusCode, 200, 'a foreign cookie locks no one out of what visitors may see')
  t.notOk(visitor.headers.authorization ?? visitor.headers['x-user-id'])
  t.equal((await asGateway(identity, twice, { path })).statusCode, 200)
  t.equal((await asGateway(identity, twice, { path, method: 'POST' })).statusCode, 403)
  const withToken = { ...twice, authorization: `Bearer ${tokens.token}` }
  t.equal((await asGateway(identity, withToken, { path })).statusCode, 401)
  t.equal((await asGateway(identity, { cookie: `a=b; ${COOKIE}=${secret};c=d` })).statusCode, 200)

  await identity.register({ email: 'eve@example.org' })
  const eve = (await identity.login({ email: 'eve@example.org' })).json()
  const both = { cookie: `${COOKIE}=${secret}`, authorization: `Bearer ${eve.token}` }
  for (const path of ['validate', 'validate/optional', 'me'])
    t.equal((await asGateway(identity, both, { path })).statusCode, 401, 'of two users: neither')
  const own = { ...both, authorization: `Bearer ${tokens.token}` }
  t.equal((await asGateway(identity, own)).headers.authorization, own.authorization)
})

t.test(
  'a session has another name after each login and proof, and the old one is nothing',
  async (t) => {
    const identity = await startIdentity(t)
    await identity.register({})
    const isOpen = async (secret = '') =>
      (await asGateway(identity, cookieOf(secret))).statusCode === 200

    t.test('what a stranger put into the browser is never what the login gives', async (t) => {
      const browser = openBrowser(identity)
      const planted = 'P'.repeat(43)
      browser.jar.set(COOKIE, planted)
      await browser.logIn()
      t.not(browser.secret(), planted)
      t.notOk(await isOpen(planted))
      t.ok(await isOpen(browser.secret()))
    })

    t.test('a second login ends the session that the browser had', async (t) => {
      const browser = openBrowser(identity)
      await browser.logIn()
      const first = browser.secret()
      await browser.logIn()
      t.ok(await isOpen(browser.secret()))
      t.notOk(await isOpen(first))
      const { rows } = await sql`
      select 1 from sessions where revoked_reason = 'logged_in_again'
         and cookie_digest = ${digestOf(first ?? '')}`.execute(identity.db)
      t.equal(rows.length, 1)
    })

    t.test('a proof, a new password and two-factor each rename it', async (t) => {
      const email = 'ben@example.org'
      const { secret, recoveryCodes } = await enrol(identity, email)
      const browser = openBrowser(identity)
      const pending = await browser.logIn({ email, rememberMe: true })
      t.equal(pending.statusCode, 202)
      t.notOk(browser.secret(), 'half a login has no session')
      const { token } = pending.json().details
      const code = await codeOf(secret, 1)
      const entered = await browser.post('2fa/challenge', {
        token,
        code,
        transport: 'cookie',
        rememberMe: true,
      })
      t.equal(entered.statusCode, 204)
      t.match(sessionLine(entered), /; Max-Age=2592000$/)
      const steps: [string, object][] = [
        ['reauthenticate', { password, code: recoveryCodes[0] }],
        ['password/change', { newPassword: 'another phrase that no one guesses' }],
        ['2fa/disable', { code: recoveryCodes[1] }],
      ]
      const names = [browser.secret()]
      for (const [path, body] of steps) {
        const answer = await browser.post(path, body)
        t.equal(answer.statusCode, 204, path)
        t.match(sessionLine(answer), /; Max-Age=25\d{5}$/, `${path} gives another, kept as long`)
        names.push(browser.secret())
      }
      const enrolment = (await browser.post('2fa/enable')).json()
      const verified = await browser.post('2fa/verify', { code: await codeOf(enrolment.secret) })
      t.equal(verified.json().recoveryCodes.length, 10)
      names.push(browser.secret())
      t.equal(new Set(names).size, 5)
      for (const name of names.slice(0, -1)) t.notOk(await isOpen(name), 'replayed')
      t.ok(await isOpen(names.at(-1)))
      const { sessions } = (await browser.get('sessions')).json()
      t.equal(sessions.length, 1, 'it is one session all the while')
    })

    t.test('of two proofs at once one renames it, and the other one says log in', async (t) => {
      const browser = openBrowser(identity)
      await browser.logIn()
      const before = cookieOf(browser.secret())
      const prove = () =>
        identity.app.inject({
          method: 'POST',
          url: '/identity/reauthenticate',
          headers: { ...before, ...OWN_PAGE },
          payload: { password },
        })
      const answers = await Promise.all([prove(), prove(), prove()])
      const given = answers.filter(({ statusCode }) => statusCode === 204)
      t.equal(given.length, 1)
      const secret = /=([\w-]{43});/.exec(sessionLine(given[0] as never) ?? '')?.[1]
      t.ok(await isOpen(secret))
      t.notOk(await isOpen(before.cookie.slice(COOKIE.length + 1)))
    })

    t.test('a wrong proof renames nothing', async (t) => {
      const browser = openBrowser(identity)
      await browser.logIn()
      const refused = await browser.post('reauthenticate', { password: 'wrong password' })
      t.equal(refused.statusCode, 401)
      t.same(setCookies(refused), [])
      t.ok(await isOpen(browser.secret()))
    })
  },
)

t.test('logging out ends the session at once, and clears the browser', async (t) => {
  const identity = await startIdentity(t)
  await identity.register({})
  const [here, there] = [openBrowser(identity), openBrowser(identity)]
  await here.logIn()
  await there.logIn()
  const stolen = cookieOf(here.secret())
  const answer = await here.post('logout')
  t.equal(answer.statusCode, 204)
  t.equal(sessionLine(answer), '__Host-session=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0')
  t.equal(answer.headers['clear-site-data'], '"cache"')
  t.equal((await asGateway(identity, stolen)).statusCode, 401, 'a copy is worth nothing now')
  t.equal((await there.get('me')).statusCode, 200)
  await here.logIn()
  const { sessions } = (await here.get('sessions')).json()
  const other = sessions.find(({ current }: { current: boolean }) => !current)
  t.equal((await here.send('DELETE', `sessions/${other.id}`)).statusCode, 204)
  t.equal((await there.get('me')).statusCode, 401)
  const { token } = (await identity.login({})).json()
  const everywhere = await here.post('logout/everywhere')
  t.equal(everywhere.statusCode, 204)
  t.match(sessionLine(everywhere), /Max-Age=0$/)
  const bearer = { authorization: `Bearer ${token}` }
  t.equal((await asGateway(identity, bearer)).statusCode, 401, 'tokens of programs too')
})

t.test('logging out by a token ends the session of the cookie beside it as well', async (t) => {
  const identity = await startIdentity(t)
  await identity.register({})
  const browser = openBrowser(identity)
  await browser.logIn()
  const stolen = cookieOf(browser.secret())
  const { token } = (await identity.login({})).json()
  const bearer = { authorization: `Bearer ${token}` }
  const answer = await browser.send('POST', 'logout', undefined, bearer)
  t.equal(answer.statusCode, 204)
  t.match(sessionLine(answer), /Max-Age=0$/)
  t.equal((await asGateway(identity, stolen)).statusCode, 401, 'the cookie that it cleared')
  t.equal((await asGateway(identity, bearer)).statusCode, 401)
})

t.test('a proof of one session renames no other one', async (t) => {
  const identity = await startIdentity(t)
  await identity.register({})
  const browser = openBrowser(identity)
  await browser.logIn()
  const before = browser.secret()
  const { token } = (await identity.login({})).json()
  const bearer = { authorization: `Bearer ${token}` }
  const proved = await browser.send('POST', 'reauthenticate', { password }, bearer)
  t.equal(proved.statusCode, 200, 'a program is answered with a token')
  const newPassword = 'another phrase that no one guesses'
  const changed = await browser.send('POST', 'password/change', { newPassword }, bearer)
  t.match([changed.statusCode, sessionLine(changed)], [204, undefined])
  t.equal(browser.secret(), before)
})

t.test('a change and the new name of the session happen together or not at all', async (t) => {
  const identity = await startIdentity(t)
  const { db } = identity
  await identity.register({})
  const browser = openBrowser(identity)
  await browser.logIn()
  const { secret } = (await browser.post('2fa/enable')).json()
  await sql`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'no new name'; end $$`.execute(db)
  await sql`create trigger refuse before update of cookie_digest on sessions
    for each row execute function refuse()`.execute(db)
  const newPassword = 'another phrase that no one guesses'
  t.equal((await browser.post('password/change', { newPassword })).statusCode, 500)
  t.equal((await identity.login({})).statusCode, 200, 'the password is as it was')
  const verified = await browser.post('2fa/verify', { code: await codeOf(secret) })
  t.equal(verified.statusCode, 500)
  t.equal((await browser.get('me')).json().twoFactorEnabled, false)
  await sql`drop trigger refuse on sessions`.execute(db)
  const on = await browser.post('2fa/verify', { code: await codeOf(secret, 1) })
  t.equal(on.statusCode, 200)
  await sql`create trigger refuse before update of cookie_digest on sessions
    for each row execute function refuse()`.execute(db)
  const [code] = on.json().recoveryCodes
  t.equal((await browser.post('2fa/disable', { code })).statusCode, 500)
  t.equal((await browser.get('me')).json().twoFactorEnabled, true)
})

t.test('the method that the gateway asks about is nothing on other routes', async (t) => {
  const identity = await startIdentity(t)
  await identity.register({})
  const browser = openBrowser(identity)
  await browser.logIn()
  const evil = { 'sec-fetch-site': 'cross-site', 'x-forwarded-method': 'GET' }
  const answer = await browser.send('POST', 'logout', undefined, evil)
  t.match([answer.statusCode, answer.json().code], [403, 'identity.cross_site'])
})

/** A browser that proved who its user is longer ago than a change may ask for. */
async function openStaleBrowser(identity: Awaited<ReturnType<typeof startIdentity>>) {
  await identity.register({})
  const browser = openBrowser(identity)
  await browser.logIn()
  await sql`update sessions set authenticated_at = authenticated_at - interval '1 hour'`.execute(
    identity.db,
  )
  return browser
}

const NEW_PASSWORD = { newPassword: 'the phrase of a thief, no one guesses' }

t.test('a request that began under the old name of a session is not proven by it', async (t) => {
  const identity = await startIdentity(t)
  const browser = await openStaleBrowser(identity)
  const address = await identity.app.listen({ port: 0, host: '127.0.0.1' })
  const body = JSON.stringify(NEW_PASSWORD)
  const outgoing = httpRequest(`${address}/identity/password/change`, {
    method: 'POST',
    headers: {
      ...cookieOf(browser.secret()),
      ...OWN_PAGE,
      'content-type': 'application/json',
      'content-length': body.length,
    },
  })
  outgoing.write(body.slice(0, 5))
  const isLookedUp = async () =>
    /cookie_requests_total\{outcome="accepted",[^}]*\} 1$/m.test(await identity.registry.metrics())
  await waitFor('its cookie to be looked up', isLookedUp)
  t.equal((await browser.post('reauthenticate', { password })).statusCode, 204)
  outgoing.end(body.slice(5))
  const [answer] = await once(outgoing, 'response')
  answer.resume()
  t.equal(answer.statusCode, 401)
  t.equal((await identity.login({})).statusCode, 200, 'the password is as it was')
  t.equal((await browser.post('password/change', NEW_PASSWORD)).statusCode, 204)
})

t.test('a token of the old name is not proven by what its session proved since', async (t) => {
  const identity = await startIdentity(t)
  const browser = await openStaleBrowser(identity)
  const old = cookieOf(browser.secret())
  const authorization = String((await asGateway(identity, old)).headers.authorization)
  t.equal((await browser.post('reauthenticate', { password })).statusCode, 204)
  const send = (path: string, payload: object, headers: Record<string, string>) =>
    identity.app.inject({ method: 'POST', url: `/identity/${path}`, payload, headers })
  for (const [how, cookie] of Object.entries({ 'with the old name': old, 'with none': {} })) {
    const headers = { authorization, ...cookie, ...OWN_PAGE }
    t.equal((await send('password/change', NEW_PASSWORD, headers)).statusCode, 401, how)
    const proof = await send('reauthenticate', { password }, headers)
    t.equal(proof.statusCode, 401, `${how}: no script gets a token by a proof`)
  }
  const now = { authorization, ...cookieOf(browser.secret()), ...OWN_PAGE }
  t.equal((await send('password/change', NEW_PASSWORD, now)).statusCode, 204, 'with the new one')
})

t.test('a session ends when it is idle, and at its latest whatever happens', async (t) => {
  const identity = await startIdentity(t)
  const { db } = identity
  await identity.register({})
  const times = async () => {
    const { rows } = await sql<Record<'idle' | 'latest' | 'seen', number>>`
      select round(extract(epoch from expires_at - clock_timestamp()) / 3600)::int as idle,
             round(extract(epoch from latest_end - clock_timestamp()) / 3600)::int as latest,
             round(extract(epoch from clock_timestamp() - last_seen_at) / 60)::int as seen
        from sessions where revoked_at is null order by created_at desc limit 1`.execute(db)
    return rows[0]
  }
  /** The session was last used so many hours ago, and is older by as much. */
  const idle = (hours: number) => {
    const by = sql`make_interval(hours => ${hours})`
    return sql`update sessions set created_at = created_at - ${by}, last_seen_at = last_seen_at - ${by},
      expires_at = expires_at - ${by}, latest_end = latest_end - ${by} where revoked_at is null`.execute(
      db,
    )
  }
  for (const [remember, idleHours, lifeHours] of [
    [false, 12, 24],
    [true, 14 * 24, 30 * 24],
  ] as const) {
    const browser = openBrowser(identity)
    await browser.logIn({ rememberMe: remember })
    t.match(await times(), { idle: idleHours, latest: lifeHours })
    await idle(idleHours - 2)
    t.match(await times(), { idle: 2, seen: (idleHours - 2) * 60 })
    t.equal((await browser.get('me')).statusCode, 200)
    t.match(await times(), { idle: idleHours, seen: 0 }, 'its use moves the end')
    await idle(idleHours - 2)
    t.equal((await browser.get('me')).statusCode, 200)
    const left = lifeHours - 2 * (idleHours - 2)
    t.match(await times(), { idle: left, latest: left }, 'but never past the latest')
    await idle(left + 1)
    t.equal((await browser.get('me')).statusCode, 401)
    await browser.logIn({ rememberMe: remember })
    await idle(idleHours + 1)
    t.equal((await browser.get('me')).statusCode, 401, 'idle for too long')
    const ended = await purge(db)
    t.equal(ended.sessions, 0, 'its owner can still see it')
    await idle(24 * 7)
    const purged = await purge(db)
    t.ok(purged.sessions >= 1, 'a week later it is purged')
  }
})

t.test('of many requests at once the use is written down once', async (t) => {
  const identity = await startIdentity(t)
  await identity.register({})
  const browser = openBrowser(identity)
  await browser.logIn()
  await sql`update sessions set last_seen_at = last_seen_at - interval '61 seconds'`.execute(
    identity.db,
  )
  const version = async () => {
    const { rows } = await sql<{ xmin: string }>`select xmin::text from sessions`.execute(
      identity.db,
    )
    return rows[0]?.xmin
  }
  const before = await version()
  const all = await Promise.all(Array.from({ length: 50 }, () => browser.get('me')))
  t.ok(all.every(({ statusCode }) => statusCode === 200))
  const after = await version()
  t.not(after, before)
  t.equal((await browser.get('me')).statusCode, 200)
  t.equal(await version(), after)
})

t.test('a change of roles and a suspension count for a cookie at once', async (t) => {
  const identity = await startIdentity(t)
  const { db } = identity
  await identity.register({})
  const browser = openBrowser(identity)
  await browser.logIn()
  const rolesOf = async () => {
    const { authorization } = (await asGateway(identity, cookieOf(browser.secret()))).headers
    return decode(String(authorization).replace('Bearer ', '')).claims.roles
  }
  t.same(await rolesOf(), ['user'])
  await sql`update users set roles = '{user,moderator}'`.execute(db)
  t.same(await rolesOf(), ['user', 'moderator'])
  await sql`update users set status = 'suspended'`.execute(db)
  t.equal((await asGateway(identity, cookieOf(browser.secret()))).statusCode, 401)
})

t.test('requests with a cookie are counted by what became of them', async (t) => {
  const identity = await startIdentity(t)
  await identity.register({})
  const browser = openBrowser(identity)
  await browser.logIn()
  await browser.get('me')
  await browser.send('POST', 'logout', undefined, { 'sec-fetch-site': 'cross-site' })
  await asGateway(identity, cookieOf('A'.repeat(43)))
  const metrics = await identity.registry.metrics()
  for (const outcome of ['accepted', 'cross_site', 'unknown'])
    t.match(metrics, `identity_cookie_requests_total{outcome="${outcome}",service="identity"} 1`)
})
