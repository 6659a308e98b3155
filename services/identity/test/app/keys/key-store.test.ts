import { createLogger } from '@auction/common/process/logger.ts'
import { createSecretBox } from '@auction/common/secret-box.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { sql } from 'kysely'
import t from 'tap'
import { createKeyStore, type KeyStore } from '#src/app/keys/key-store.ts'
import { generateSigningKey } from '#src/infra/crypto/signing-key.ts'
import { createIdentityDatabase, newKeyEncryptionKey, type TestDb } from '#test/helper.ts'

const log = createLogger('identity', 'silent')
const keyText = newKeyEncryptionKey()
const box = createSecretBox(keyText)

async function open(t: Teardown, db: TestDb, secretBox = box): Promise<KeyStore> {
  const store = await createKeyStore({ db, box: secretBox, log })
  t.teardown(() => store.close())
  return store
}

/** Adds a key as a rotation will: published now, signing and retired at offsets in seconds. */
async function addKey(db: TestDb, activatesIn: number, retiresIn: number | null): Promise<string> {
  const { publicJwk, privatePem } = generateSigningKey()
  await sql`
    insert into signing_keys (kid, public_jwk, private_key_encrypted, encryption_key_id,
                              activates_at, retires_at)
    values (${publicJwk.kid}, ${JSON.stringify(publicJwk)}, ${box.seal(privatePem, publicJwk.kid)},
            ${box.keyId}, clock_timestamp() + make_interval(secs => ${activatesIn}),
            clock_timestamp() + make_interval(secs => ${retiresIn}))`.execute(db)
  return publicJwk.kid
}

t.test('parallel first starts make exactly one key', async (t) => {
  const { db } = await createIdentityDatabase(t)
  const stores = await Promise.all(Array.from({ length: 8 }, () => open(t, db)))
  const kids = new Set(stores.map((store) => store.signingKey().kid))
  t.equal(kids.size, 1)
  const { rows } = await sql<{ kid: string }>`select kid from signing_keys`.execute(db)
  t.equal(rows.length, 1)
})

t.test('a restart uses the key that is there', async (t) => {
  const { db } = await createIdentityDatabase(t)
  const first = await open(t, db)
  const again = await open(t, db, createSecretBox(keyText))
  t.same(again.signingKey(), first.signingKey())
})

t.test('a private key is not in the database in any readable form', async (t) => {
  const { db } = await createIdentityDatabase(t)
  const { privatePem } = (await open(t, db)).signingKey()
  const { rows } = await sql<{ row: string; bytes: Buffer }>`
    select signing_keys::text as row, private_key_encrypted as bytes from signing_keys`.execute(db)
  const body = privatePem.split('\n')[1] ?? ''
  t.equal(body.length, 64, 'the body of the PEM')
  for (const { row, bytes } of rows) {
    const stored = [row, bytes.toString('latin1'), bytes.toString('base64')].join('\n')
    t.notOk(stored.includes('PRIVATE KEY'))
    t.notOk(stored.includes(body))
    t.notOk(bytes.includes(Buffer.from(body, 'base64').subarray(-32)), 'nor the raw seed')
  }
})

t.test('a start with another KEY_ENCRYPTION_KEY fails and says why', async (t) => {
  const { db } = await createIdentityDatabase(t)
  await open(t, db)
  const other = createSecretBox(newKeyEncryptionKey())
  await t.rejects(createKeyStore({ db, box: other, log }), /KEY_ENCRYPTION_KEY/)
})

t.test(
  'the newest active key signs, later ones are published, retired ones are gone',
  async (t) => {
    const { db } = await createIdentityDatabase(t)
    const store = await open(t, db)
    const first = store.signingKey().kid
    const newer = await addKey(db, 0, null)
    const future = await addKey(db, 3_600, null)
    const retired = await addKey(db, -7_200, -3_600)
    await store.reload()
    t.equal(store.signingKey().kid, newer)
    const published = store.publicKeys().map((key) => key.kid)
    t.same(new Set(published), new Set([first, newer, future]))
    for (const kid of published) t.match(await store.publicKey(kid), /BEGIN PUBLIC KEY/)
    await t.rejects(store.publicKey(retired), /unknown signing key/)
    await t.rejects(store.publicKey(undefined))
  },
)

t.test('a failed reload leaves the known keys in use', async (t) => {
  const { db } = await createIdentityDatabase(t)
  const store = await open(t, db)
  const before = store.signingKey()
  await sql`alter table signing_keys rename to signing_keys_away`.execute(db)
  await store.reload()
  t.same(store.signingKey(), before)
  t.match(await store.publicKey(before.kid), /BEGIN PUBLIC KEY/)
})

t.test('while the keys cannot be read, a new key is not reported as unknown', async (t) => {
  const { db } = await createIdentityDatabase(t)
  const store = await createKeyStore({ db, box, log, staleAfterMs: 1 })
  t.teardown(() => store.close())
  const { kid } = (await store.publicKeys()).at(0) ?? {}
  await sql`alter table signing_keys rename to signing_keys_away`.execute(db)
  await store.reload()
  await t.rejects(store.publicKey('newer'), { code: 'service.unavailable' })
  t.match(await store.publicKey(kid), /BEGIN PUBLIC KEY/)
  t.throws(
    () => store.signingKey(),
    { code: 'service.unavailable' },
    'and too old keys do not sign',
  )
  await sql`alter table signing_keys_away rename to signing_keys`.execute(db)
  await store.reload()
  await t.rejects(store.publicKey('newer'), /unknown signing key/)
})

t.test('what is published holds no private part', async (t) => {
  const { db } = await createIdentityDatabase(t)
  const [key] = (await open(t, db)).publicKeys()
  t.same(Object.keys(key ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x'])
})
