import { generateKeyPairSync } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { bearer, codeOf, enrol } from '#test/authenticator-app.ts'
import { decode } from '#test/forge.ts'
import { PERSON, startIdentity } from '#test/helper.ts'
import { type Behaviour, cbor, createAuthenticator } from '#test/software-authenticator.ts'

type Identity = Awaited<ReturnType<typeof startIdentity>>
type Caller = ReturnType<typeof bearer>
type Authenticator = ReturnType<typeof createAuthenticator>

const answerOf = ({ statusCode, json }: Awaited<ReturnType<Caller['get']>>) => [
  statusCode,
  json().code,
]
const OVER = [401, 'identity.pending_login_over']
const REFUSED = [401, 'identity.invalid_passkey']

async function person(identity: Identity, email: string) {
  const { id } = (await identity.register({ email })).json()
  const { token } = (await identity.login({ email })).json()
  return { id: id as string, token: token as string, as: bearer(identity, token) }
}

async function addPasskey(as: Caller, authenticator: Authenticator, name = 'my phone') {
  const options = (await as.post('passkeys/register/options')).json()
  const credential = authenticator.create(options)
  return as.post('passkeys/register/verify', { name, credential })
}

function publicly({ app }: Identity) {
  return (path: string, payload?: object) =>
    app.inject({
      method: 'POST',
      url: `/identity/${path}`,
      ...(payload && { payload }),
    })
}

async function loginBy(identity: Identity, authenticator: Authenticator, behaviour?: Behaviour) {
  const post = publicly(identity)
  const options = (await post('passkeys/login/options')).json()
  const credential = authenticator.get(options, behaviour)
  return post('passkeys/login/verify', { credential })
}

t.test('adding a passkey', async (t) => {
  const identity = await startIdentity(t)
  const { db, app } = identity

  t.test('the browser is asked to verify its user and to keep the key', async (t) => {
    const { id, as, token } = await person(identity, 'ann@example.org')
    const response = await app.inject({
      method: 'POST',
      url: '/identity/passkeys/register/options',
      headers: { authorization: `Bearer ${token}`, host: 'evil.example' },
    })
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    const options = response.json()
    t.match(options, {
      rp: { id: 'auction.example', name: 'Auction' },
      user: { name: 'ann@example.org', displayName: PERSON.name },
      attestation: 'none',
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      excludeCredentials: [],
    })
    t.equal(Buffer.from(options.user.id, 'base64url').toString(), id)
    t.equal(Buffer.from(options.challenge, 'base64url').length, 32)
    const authenticator = createAuthenticator()
    const credential = authenticator.create(options)
    const added = await as.post('passkeys/register/verify', { name: ' my phone ', credential })
    t.equal(added.statusCode, 201)
    t.match(added.json(), { name: 'my phone', isBackedUp: false, lastUsedAt: null })
    t.same((await as.get('passkeys')).json(), { passkeys: [added.json()] })
    const again = (await as.post('passkeys/register/options')).json()
    t.match(again.excludeCredentials, [{ id: authenticator.id }])
  })

  t.test('asks for a fresh proof, for the options and for the key', async (t) => {
    const { as, id } = await person(identity, 'ben@example.org')
    const options = (await as.post('passkeys/register/options')).json()
    await sql`update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'
               where user_id = ${id}`.execute(db)
    const credential = createAuthenticator().create(options)
    for (const response of [
      await as.post('passkeys/register/options'),
      await as.post('passkeys/register/verify', { name: 'late', credential }),
    ]) {
      t.same(answerOf(response), [403, 'identity.proof_required'])
    }
  })

  t.test('an answer that is not exactly right adds nothing', async (t) => {
    const { as, id } = await person(identity, 'cat@example.org')
    const wrong: Record<string, Behaviour> = {
      'another origin': { origin: 'https://evil.example' },
      'a subdomain': { origin: 'https://x.auction.example' },
      'plain http': { origin: 'http://auction.example' },
      'another site': { rpId: 'evil.example' },
      'no user verified': { isUserVerified: false },
      'an assertion': { type: 'webauthn.get' },
      'in a frame of another site': { crossOrigin: true },
      'an unknown attestation': { attestation: { fmt: 'odd', statement: cbor.map() } },
    }
    for (const [what, behaviour] of Object.entries(wrong)) {
      const options = (await as.post('passkeys/register/options')).json()
      const credential = createAuthenticator().create(options, behaviour)
      const response = await as.post('passkeys/register/verify', { name: 'x', credential })
      t.same(answerOf(response), REFUSED, what)
    }
    const { rows } = await sql`select 1 from passkeys where user_id = ${id}`.execute(db)
    t.equal(rows.length, 0)
  })

  t.test('a challenge is good for one answer, one user, one purpose, five minutes', async (t) => {
    const dan = await person(identity, 'dan@example.org')
    const eve = await person(identity, 'eve@example.org')
    const begin = async () => (await dan.as.post('passkeys/register/options')).json()
    const verify = (as: Caller, credential: object) =>
      as.post('passkeys/register/verify', { name: 'x', credential })

    const once = await begin()
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => verify(dan.as, createAuthenticator().create(once))),
    )
    t.equal(answers.filter(({ statusCode }) => statusCode === 201).length, 1)

    const foreign = createAuthenticator().create(await begin())
    t.same(answerOf(await verify(eve.as, foreign)), REFUSED, 'of another user')

    const ofLogin = (await publicly(identity)('passkeys/login/options')).json()
    const forLogin = createAuthenticator().create({ ...(await begin()), ...ofLogin })
    t.same(answerOf(await verify(dan.as, forLogin)), REFUSED, 'for another purpose')

    const late = await begin()
    await sql`update passkey_challenges set expires_at = clock_timestamp()`.execute(db)
    t.same(answerOf(await verify(dan.as, createAuthenticator().create(late))), REFUSED, 'late')

    const ownWords = { ...(await begin()), challenge: Buffer.alloc(32).toString('base64url') }
    t.same(answerOf(await verify(dan.as, createAuthenticator().create(ownWords))), REFUSED)
  })

  t.test('an authenticator is registered once, by any user', async (t) => {
    const { as: fay } = await person(identity, 'fay@example.org')
    const { as: gus } = await person(identity, 'gus@example.org')
    const authenticator = createAuthenticator()
    t.equal((await addPasskey(fay, authenticator)).statusCode, 201)
    t.same(answerOf(await addPasskey(fay, authenticator)), [409, 'identity.passkey_known'])
    t.same(answerOf(await addPasskey(gus, authenticator)), [409, 'identity.passkey_known'])
  })

  t.test('twenty are enough', async (t) => {
    const { as, id } = await person(identity, 'hal@example.org')
    const options = (await as.post('passkeys/register/options')).json()
    await sql`insert into passkeys (id, user_id, name, public_key, counter, is_backed_up)
              select 'many' || n, ${id}, 'many', '', 0, false from generate_series(1, 20) n`.execute(
      db,
    )
    const credential = createAuthenticator().create(options)
    for (const response of [
      await as.post('passkeys/register/options'),
      await as.post('passkeys/register/verify', { name: 'x', credential }),
    ]) {
      t.same(answerOf(response), [409, 'identity.too_many_passkeys'])
    }
  })

  t.test('bad bodies are refused', async (t) => {
    const { as } = await person(identity, 'ian@example.org')
    const options = (await as.post('passkeys/register/options')).json()
    const credential = createAuthenticator().create(options)
    for (const payload of [
      { credential },
      { name: 'x' },
      { name: '\u202e', credential },
      { name: 'x', credential: { ...credential, more: 1 } },
      { name: 'x', credential: { ...credential, id: 'not base64url!' } },
      { name: 'x', credential: { ...credential, type: 'password' } },
    ]) {
      t.equal((await as.post('passkeys/register/verify', payload)).statusCode, 400)
    }
    t.equal(
      (await as.post('passkeys/register/verify', { name: 'x', credential })).statusCode,
      201,
      'none of them took the challenge',
    )
  })
})

t.test('an attestation with certificates is refused, as none was asked for', async (t) => {
  const identity = await startIdentity(t)
  const { as } = await person(identity, 'ann@example.org')
  for (const fmt of ['packed', 'fido-u2f', 'tpm', 'android-key', 'apple', 'android-safetynet']) {
    const statement = cbor.map(
      [cbor.text('alg'), cbor.int(-7)],
      [cbor.text('sig'), cbor.bytes(Buffer.alloc(70))],
      [cbor.text('x5c'), cbor.list(cbor.bytes(Buffer.alloc(300)))],
    )
    const options = (await as.post('passkeys/register/options')).json()
    const credential = createAuthenticator().create(options, { attestation: { fmt, statement } })
    const response = await as.post('passkeys/register/verify', { name: 'x', credential })
    t.same(answerOf(response), REFUSED, fmt)
  }
})

t.test('logging in by a passkey alone', async (t) => {
  const identity = await startIdentity(t)
  const { db } = identity
  const { id, as } = await person(identity, 'ann@example.org')
  const authenticator = createAuthenticator()
  await addPasskey(as, authenticator)

  t.test('gives what a login gives, and says how it was', async (t) => {
    const response = await loginBy(identity, authenticator)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    t.same(Object.keys(response.json()).sort(), ['expiresIn', 'refreshToken', 'token'])
    const { token } = response.json()
    t.match(decode(token).claims, { sub: id, email: 'ann@example.org', amr: ['hwk'] })
    t.equal((await bearer(identity, token).get('validate')).statusCode, 200)
    t.ok((await as.get('passkeys')).json().passkeys[0].lastUsedAt)
  })

  t.test('the options say nothing about any user', async (t) => {
    const options = (await publicly(identity)('passkeys/login/options')).json()
    t.match(options, { rpId: 'auction.example', userVerification: 'required' })
    t.same(options.allowCredentials ?? [], [])
  })

  t.test('an answer that is not exactly right opens nothing', async (t) => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const wrong: Record<string, Behaviour> = {
      'another origin': { origin: 'https://evil.example' },
      'another site': { rpId: 'evil.example' },
      'no user verified': { isUserVerified: false },
      'a registration': { type: 'webauthn.create' },
      'in a frame of another site': { crossOrigin: true },
      'another key': { signWith: privateKey },
    }
    for (const [what, behaviour] of Object.entries(wrong)) {
      t.same(answerOf(await loginBy(identity, authenticator, behaviour)), REFUSED, what)
    }
    t.same(answerOf(await loginBy(identity, createAuthenticator())), REFUSED, 'unknown')
    t.equal((await loginBy(identity, authenticator)).statusCode, 200, 'the right one still does')
  })

  t.test('one signature in 50 parallel submits opens exactly one session', async (t) => {
    const post = publicly(identity)
    const options = (await post('passkeys/login/options')).json()
    const credential = authenticator.get(options)
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post('passkeys/login/verify', { credential })),
    )
    t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1)
  })

  t.test('a signature for another purpose or with another user does not count', async (t) => {
    const { as: other } = await person(identity, 'ben@example.org')
    const post = publicly(identity)
    const forProof = (await as.post('reauthenticate/passkey')).json()
    t.same(
      answerOf(await post('passkeys/login/verify', { credential: authenticator.get(forProof) })),
      REFUSED,
    )
    const stranger = createAuthenticator()
    await addPasskey(other, stranger)
    const signed = stranger.get((await post('passkeys/login/options')).json())
    const { userHandle } = authenticator.get({ challenge: 'x' }).response
    const stolen = { ...signed, response: { ...signed.response, userHandle } }
    t.same(answerOf(await post('passkeys/login/verify', { credential: stolen })), REFUSED)
  })

  t.test('a suspended user is refused', async (t) => {
    await sql`update users set status = 'suspended' where id = ${id}`.execute(db)
    t.same(answerOf(await loginBy(identity, authenticator)), REFUSED)
    await sql`update users set status = 'active' where id = ${id}`.execute(db)
    t.equal((await loginBy(identity, authenticator)).statusCode, 200)
  })
})

t.test('a counter that goes back is refused and written down', async (t) => {
  const identity = await startIdentity(t)
  const { id, as } = await person(identity, 'ann@example.org')
  const authenticator = createAuthenticator()
  await addPasskey(as, authenticator)
  t.equal((await loginBy(identity, authenticator, { counter: 100 })).statusCode, 200)
  for (const counter of [100, 99, 0]) {
    t.same(answerOf(await loginBy(identity, authenticator, { counter })), REFUSED, `${counter}`)
  }
  t.equal((await loginBy(identity, authenticator, { counter: 101 })).statusCode, 200)
  const { rows } = await sql`select 1 from audit_entries
    where action = 'passkey.counter_went_back' and subject_id = ${id}`.execute(identity.db)
  t.equal(rows.length, 3)
})

t.test('an authenticator that does not count works any number of times', async (t) => {
  const identity = await startIdentity(t)
  const { as } = await person(identity, 'ann@example.org')
  const authenticator = createAuthenticator({ counts: false })
  await addPasskey(as, authenticator)
  for (const _ of [1, 2, 3]) {
    t.equal((await loginBy(identity, authenticator)).statusCode, 200)
  }
})

t.test('a passkey is a second factor beside the app', async (t) => {
  const identity = await startIdentity(t)
  const { secret, as, recoveryCodes } = await enrol(identity, 'ann@example.org')
  const post = publicly(identity)
  const pending = async () =>
    (await identity.login({ email: 'ann@example.org' })).json().details.token as string
  t.same(answerOf(await post('2fa/challenge/passkey', { token: await pending() })), [
    409,
    'identity.no_passkey',
  ])
  const authenticator = createAuthenticator()
  await addPasskey(as, authenticator)

  const token = await pending()
  const options = (await post('2fa/challenge/passkey', { token })).json()
  t.match(options.allowCredentials, [{ id: authenticator.id }])
  const passkey = authenticator.get(options)
  const both = { token, passkey, code: await codeOf(secret, 1) }
  t.equal((await post('2fa/challenge', both)).statusCode, 400)
  t.equal((await post('2fa/challenge', { token })).statusCode, 400)
  const response = await post('2fa/challenge', { token, passkey })
  t.equal(response.statusCode, 200)
  t.same(decode(response.json().token).claims.amr, ['pwd', 'hwk'])
  t.same(answerOf(await post('2fa/challenge/passkey', { token })), OVER)

  const forProof = authenticator.get((await as.post('reauthenticate/passkey')).json())
  t.same(
    answerOf(await post('2fa/challenge', { token: await pending(), passkey: forProof })),
    REFUSED,
    'for another purpose',
  )
  const late = await pending()
  await sql`update pending_logins set expires_at = clock_timestamp()`.execute(identity.db)
  t.same(answerOf(await post('2fa/challenge/passkey', { token: late })), OVER)
  const tried = await pending()
  for (const code of recoveryCodes.slice(0, 5)) {
    await post('2fa/challenge', { token: tried, code: `${code.slice(0, -4)}ZZZZ` })
  }
  t.same(answerOf(await post('2fa/challenge/passkey', { token: tried })), OVER)

  const { as: other } = await person(identity, 'ben@example.org')
  const stranger = createAuthenticator()
  await addPasskey(other, stranger)
  const next = await pending()
  const asked = (await post('2fa/challenge/passkey', { token: next })).json()
  t.same(
    answerOf(await post('2fa/challenge', { token: next, passkey: stranger.get(asked) })),
    REFUSED,
    "another user's",
  )
  t.equal((await loginBy(identity, authenticator)).statusCode, 200, 'and enough without a password')
})

t.test('a passkey is a fresh proof', async (t) => {
  const identity = await startIdentity(t)
  const { as } = await enrol(identity, 'ann@example.org')
  t.same(answerOf(await as.post('reauthenticate/passkey')), [409, 'identity.no_passkey'])
  const authenticator = createAuthenticator()
  await addPasskey(as, authenticator)
  await sql`update sessions set authenticated_at = to_timestamp(1000000)`.execute(identity.db)
  t.equal((await as.post('passkeys/register/options')).statusCode, 403)
  const passkey = authenticator.get((await as.post('reauthenticate/passkey')).json())
  const { password } = PERSON
  t.equal((await as.post('reauthenticate', { password, passkey })).statusCode, 400)
  t.equal((await as.post('reauthenticate', {})).statusCode, 400)
  const response = await as.post('reauthenticate', { passkey })
  t.equal(response.statusCode, 200)
  const { auth_time: provedAt, amr } = decode(response.json().token).claims
  t.same([Number(provedAt) > 1_000_000, amr], [true, ['hwk']])
  t.equal((await as.post('passkeys/register/options')).statusCode, 200)
  t.same(answerOf(await as.post('reauthenticate', { passkey })), REFUSED, 'once')
})

t.test('passkeys are renamed and forgotten by their owner alone', async (t) => {
  const identity = await startIdentity(t)
  const { db, app } = identity
  const ann = await person(identity, 'ann@example.org')
  const ben = await person(identity, 'ben@example.org')
  const authenticator = createAuthenticator()
  const { id } = (await addPasskey(ann.as, authenticator)).json()
  const call = (token: string, method: 'PATCH' | 'DELETE', payload?: object) =>
    app.inject({
      method,
      url: `/identity/passkeys/${id}`,
      headers: { authorization: `Bearer ${token}` },
      ...(payload && { payload }),
    })
  const NOT_FOUND = [404, 'identity.passkey_not_found']
  t.same(answerOf(await call(ben.token, 'PATCH', { name: 'mine' })), NOT_FOUND)
  t.same(answerOf(await call(ben.token, 'DELETE')), NOT_FOUND)
  const renamed = await call(ann.token, 'PATCH', { name: 'old phone' })
  t.match([renamed.statusCode, renamed.json().name], [200, 'old phone'])
  t.equal((await ann.as.get('passkeys')).json().passkeys[0].name, 'old phone')

  const { token: elsewhere } = (await loginBy(identity, authenticator)).json()
  await sql`update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'
             where user_id = ${ann.id}`.execute(db)
  t.same(answerOf(await call(ann.token, 'DELETE')), [403, 'identity.proof_required'])
  await ann.as.post('reauthenticate', { password: PERSON.password })
  t.equal((await call(ann.token, 'DELETE')).statusCode, 204)
  t.same((await ann.as.get('passkeys')).json(), { passkeys: [] })
  t.same(answerOf(await loginBy(identity, authenticator)), REFUSED)
  t.equal((await bearer(identity, elsewhere).get('me')).statusCode, 401, 'its session ended too')
  t.same(answerOf(await call(ann.token, 'DELETE')), NOT_FOUND)
  const entries = await db
    .selectFrom('audit_entries')
    .select(['action', 'actor_id', 'details'])
    .orderBy('sequence')
    .execute()
  t.match(entries, [
    { action: 'passkey.added', actor_id: ann.id, details: { name: 'my phone' } },
    { action: 'passkey.removed', actor_id: ann.id, details: { name: 'old phone' } },
  ])
})

t.test('a passkey does not let in whose address is to be verified first', async (t) => {
  const identity = await startIdentity(t)
  const { as } = await person(identity, 'zoe@example.org')
  const authenticator = createAuthenticator()
  await addPasskey(as, authenticator)
  const strict = await startIdentity(t, { beside: identity, emailVerification: 'required' })
  const refused = await loginBy(strict, authenticator)
  t.same(answerOf(refused), [403, 'identity.email_not_verified'])
  await sql`update users set email_verified_at = clock_timestamp()`.execute(identity.db)
  t.equal((await loginBy(strict, authenticator)).statusCode, 200)
})
