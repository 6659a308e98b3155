import { sql } from 'kysely'
import t from 'tap'
import { bearer, codeOf, enrol } from '#test/authenticator-app.ts'
import { startIdentity } from '#test/helper.ts'

t.test('enrolling an authenticator app', async (t) => {
  const identity = await startIdentity(t)
  const { db, register, login } = identity
  const person = async (email: string) => {
    const { id } = (await register({ email })).json()
    const { token } = (await login({ email })).json()
    return { id, token, ...bearer(identity, token) }
  }

  t.test('begins with a secret as text, URI and picture, which changes nothing yet', async (t) => {
    const ann = await person('ann@example.org')
    const response = await ann.post('2fa/enable')
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    const { secret, otpauthUri, qrCode } = response.json()
    t.match(secret, /^[A-Z2-7]{32}$/)
    t.match(otpauthUri, `secret=${secret}`)
    t.match(qrCode, /^data:image\/png;base64,iVBOR/)
    t.equal((await ann.get('me')).json().twoFactorEnabled, false)
    t.same((await ann.get('2fa/recovery-codes')).json(), { left: 0 })
    t.equal((await login({ email: 'ann@example.org' })).statusCode, 200)
  })

  t.test('ends with a right code; the other sessions end, this one goes on', async (t) => {
    const ben = await person('ben@example.org')
    const { token: elsewhere } = (await login({ email: 'ben@example.org' })).json()
    const { secret } = (await ben.post('2fa/enable')).json()
    const response = await ben.post('2fa/verify', { code: await codeOf(secret) })
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    t.equal((await ben.get('me')).json().twoFactorEnabled, true)
    t.equal((await bearer(identity, elsewhere).get('validate')).statusCode, 401)
    const { rows } = await sql<{ revoked_reason: string | null; methods: string[] }>`
      select revoked_reason, methods from sessions where user_id = ${ben.id}
       order by revoked_reason nulls first`.execute(db)
    t.match(rows, [
      { revoked_reason: null, methods: ['pwd', 'otp'] },
      { revoked_reason: 'two_factor_changed', methods: ['pwd'] },
    ])
  })

  t.test('a second secret replaces the first until one is confirmed', async (t) => {
    const cat = await person('cat@example.org')
    const first = (await cat.post('2fa/enable')).json().secret
    const second = (await cat.post('2fa/enable')).json().secret
    const old = await cat.post('2fa/verify', { code: await codeOf(first) })
    t.match([old.statusCode, old.json().code], [401, 'identity.invalid_code'])
    t.equal((await cat.post('2fa/verify', { code: await codeOf(second) })).statusCode, 200)
    for (const again of [
      await cat.post('2fa/enable'),
      await cat.post('2fa/verify', { code: await codeOf(second, 1) }),
    ]) {
      t.match([again.statusCode, again.json().code], [409, 'identity.two_factor_on'])
    }
  })

  t.test('a code without a secret, or one shown long ago, confirms nothing', async (t) => {
    const dan = await person('dan@example.org')
    const none = await dan.post('2fa/verify', { code: '123456' })
    t.match([none.statusCode, none.json().code], [409, 'identity.not_enrolling'])
    const { secret } = (await dan.post('2fa/enable')).json()
    await sql`update totp_secrets set created_at = created_at - interval '11 minutes'
               where user_id = ${dan.id}`.execute(db)
    const late = await dan.post('2fa/verify', { code: await codeOf(secret) })
    t.match([late.statusCode, late.json().code], [409, 'identity.not_enrolling'])
    t.equal((await dan.get('me')).json().twoFactorEnabled, false)
  })

  t.test('parallel confirmations with one code: one of them gets the recovery codes', async (t) => {
    const eve = await person('eve@example.org')
    const { secret } = (await eve.post('2fa/enable')).json()
    const code = await codeOf(secret)
    const responses = await Promise.all(
      Array.from({ length: 8 }, () => eve.post('2fa/verify', { code })),
    )
    t.equal(responses.filter((response) => response.statusCode === 200).length, 1)
    t.same((await eve.get('2fa/recovery-codes')).json(), { left: 10 })
  })

  t.test('asks for a fresh proof, and for a session at all', async (t) => {
    const fay = await person('fay@example.org')
    await sql`update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'
               where user_id = ${fay.id}`.execute(db)
    const stale = await fay.post('2fa/enable')
    t.match([stale.statusCode, stale.json().code], [403, 'identity.proof_required'])
    for (const path of ['2fa/enable', '2fa/verify', '2fa/disable', '2fa/recovery-codes']) {
      t.equal((await bearer(identity, 'x.y.z').post(path, { code: '123456' })).statusCode, 401)
    }
  })

  t.test('bad bodies are refused by field', async (t) => {
    const gus = await person('gus@example.org')
    for (const payload of [{}, { code: 123456 }, { code: '1' }, { code: 'x'.repeat(65) }]) {
      const response = await gus.post('2fa/verify', payload)
      t.match([response.statusCode, response.json().details.field], [400, 'code'])
    }
    const response = await gus.post('2fa/verify', { code: '123456', more: 1 })
    t.match([response.statusCode, response.json().details.field], [400, 'more'])
  })
})

t.test('seed bug 32: ten recovery codes are shown once, hashed, and only counted', async (t) => {
  const identity = await startIdentity(t)
  const { as, recoveryCodes } = await enrol(identity, 'ann@example.org')
  t.equal(recoveryCodes.length, 10)
  t.equal(new Set(recoveryCodes).size, 10)
  t.ok(recoveryCodes.every((code) => /^([0-9A-Z]{4}-){5}[0-9A-Z]{4}$/.test(code)))
  const response = await as.get('2fa/recovery-codes')
  t.same(response.json(), { left: 10 }, 'nothing but their number')
  t.equal(response.headers['cache-control'], 'no-store')
})

t.test('new recovery codes ask for proof and code, and the old ones stop working', async (t) => {
  const identity = await startIdentity(t)
  const { id, as, secret, recoveryCodes } = await enrol(identity, 'ann@example.org')
  const wrong = await as.post('2fa/recovery-codes', { code: '000000' })
  t.match([wrong.statusCode, wrong.json().code], [401, 'identity.invalid_code'])
  const response = await as.post('2fa/recovery-codes', { code: await codeOf(secret, 1) })
  t.equal(response.statusCode, 200)
  const renewed = response.json().recoveryCodes as string[]
  t.equal(renewed.length, 10)
  t.notOk(renewed.some((code) => recoveryCodes.includes(code)))
  const old = await as.post('2fa/disable', { code: recoveryCodes[0] })
  t.match([old.statusCode, old.json().code], [401, 'identity.invalid_code'])
  await sql`update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'
             where user_id = ${id}`.execute(identity.db)
  const stale = await as.post('2fa/recovery-codes', { code: renewed[0] })
  t.match([stale.statusCode, stale.json().code], [403, 'identity.proof_required'])
  t.same((await as.get('2fa/recovery-codes')).json(), { left: 10 }, 'and no code was spent')
})

t.test('seed bug 33: two-factor goes off with proof and a code, and forgets both', async (t) => {
  const identity = await startIdentity(t)
  const { db, login } = identity
  const { id, as, spentCode, recoveryCodes } = await enrol(identity, 'ann@example.org')
  for (const code of ['000000', spentCode, 'AAAA-AAAA-AAAA-AAAA-AAAA-AAAA']) {
    const refused = await as.post('2fa/disable', { code })
    t.match([refused.statusCode, refused.json().code], [401, 'identity.invalid_code'])
  }
  t.equal((await as.post('2fa/disable')).statusCode, 400, 'nor without any code')
  await sql`update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'
             where user_id = ${id}`.execute(db)
  const stale = await as.post('2fa/disable', { code: recoveryCodes[0] })
  t.match([stale.statusCode, stale.json().code], [403, 'identity.proof_required'])
  await sql`update sessions set authenticated_at = clock_timestamp()`.execute(db)
  t.equal((await as.post('2fa/disable', { code: recoveryCodes[0] })).statusCode, 204)
  t.equal((await as.get('me')).json().twoFactorEnabled, false)
  const { rows } = await sql<{ secrets: string; codes: string }>`
    select (select count(*) from totp_secrets) as secrets,
           (select count(*) from recovery_codes) as codes`.execute(db)
  t.same(rows, [{ secrets: '0', codes: '0' }])
  t.equal((await login({ email: 'ann@example.org' })).statusCode, 200)
  const again = await as.post('2fa/disable', { code: recoveryCodes[1] })
  t.match([again.statusCode, again.json().code], [409, 'identity.two_factor_off'])
})

t.test('turning two-factor off ends the other sessions at once', async (t) => {
  const identity = await startIdentity(t)
  const { id, as, recoveryCodes } = await enrol(identity, 'ann@example.org')
  await sql`insert into sessions (id, user_id, expires_at)
            values ('019a0000-0000-7000-8000-000000000001', ${id}, now() + interval '1 day')`.execute(
    identity.db,
  )
  await as.post('2fa/disable', { code: recoveryCodes[9] })
  const { rows } = await sql<{ reason: string }>`
    select revoked_reason as reason from sessions where revoked_at is not null`.execute(identity.db)
  t.same(rows, [{ reason: 'two_factor_changed' }])
  t.equal((await as.get('me')).statusCode, 200)
})

t.test('what a user changes about two-factor is audited, without any secret', async (t) => {
  const identity = await startIdentity(t)
  const { id, as, secret } = await enrol(identity, 'ann@example.org')
  const renewed = await as.post('2fa/recovery-codes', { code: await codeOf(secret, 1) })
  await as.post('2fa/disable', { code: renewed.json().recoveryCodes[0] })
  const entries = await identity.db
    .selectFrom('audit_entries')
    .select(['action', 'actor_id', 'subject_id', 'details'])
    .orderBy('sequence')
    .execute()
  const both = { actor_id: id, subject_id: id }
  t.match(entries, [
    { action: 'two_factor.enabled', ...both },
    { action: 'two_factor.recovery_codes_replaced', ...both, details: { by: 'totp' } },
    { action: 'two_factor.disabled', ...both, details: { by: 'recovery' } },
  ])
})

t.test('a secret belongs to its user: copied onto another account it opens nothing', async (t) => {
  const identity = await startIdentity(t)
  const mallory = await enrol(identity, 'mallory@example.org')
  const ann = await enrol(identity, 'ann@example.org')
  await sql`update totp_secrets set secret_encrypted =
              (select secret_encrypted from totp_secrets where user_id = ${mallory.id})
             where user_id = ${ann.id}`.execute(identity.db)
  const code = await codeOf(mallory.secret, 1)
  const response = await ann.as.post('2fa/disable', { code })
  t.match([response.statusCode, response.json().code], [500, 'internal_error'])
  t.equal((await ann.as.get('me')).json().twoFactorEnabled, true)
})
