import { newId } from '@auction/common/ids.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createSecretBox, type SecretBox } from '@auction/common/secret-box.ts'
import t, { type Test } from 'tap'
import { createKeyStore } from '#src/app/keys/key-store.ts'
import { resealSecrets } from '#src/app/keys/reseal-secrets.ts'
import { rotateKeys } from '#src/app/keys/rotate-keys.ts'
import { openTotpSecret, sealTotpSecret } from '#src/infra/crypto/sealed-totp-secret.ts'
import { createTotpSecret } from '#src/infra/crypto/totp.ts'
import { admitTotpTry, replaceTotpSecret } from '#src/infra/postgres/two-factor/totp-secrets.ts'
import { insertUser } from '#src/infra/postgres/users/users.ts'
import { createIdentityDatabase, newKeyEncryptionKey, type TestDb } from '#test/helper.ts'
import { runCommand } from '#test/run-command.ts'

const log = createLogger('identity', 'silent')

async function addSecret(db: TestDb, box: SecretBox, index: number) {
  const [id, secret] = [newId(), createTotpSecret()]
  const email = `p${index}@example.org`
  await db.transaction().execute(async (tx) => {
    const passwordHash = '$argon2id$none'
    await insertUser(tx, { id, email, emailNormalised: email, name: 'P', passwordHash })
    await replaceTotpSecret(tx, id, sealTotpSecret(box, id, secret))
  })
  return { id, secret }
}

async function start(t: Test) {
  const { db, config } = await createIdentityDatabase(t)
  const [oldText, newText] = [newKeyEncryptionKey(), newKeyEncryptionKey()]
  const old = createSecretBox(oldText)
  const open = async (box: SecretBox) => {
    const store = await createKeyStore({ db, box, log })
    t.teardown(() => store.close())
    return store.signingKey()
  }
  const signing = await open(old)
  await rotateKeys({ db, box: old })
  const secrets: { id: string; secret: string }[] = []
  for (let index = 0; index < 5; index += 1) secrets.push(await addSecret(db, old, index))
  /** Every secret at rest opens with this box and is what it was. */
  const holds = async (box: SecretBox) => {
    t.strictSame(await open(box), signing)
    for (const { id, secret } of secrets) {
      const sealed = await admitTotpTry(db, id)
      if (sealed === undefined) throw new Error('no try was left')
      t.equal(openTotpSecret(box, id, sealed), secret)
    }
  }
  return { db, config, oldText, newText, signing, open, holds }
}

t.test('everything at rest changes its key while it is in use', async (t) => {
  const { db, oldText, newText, open, holds } = await start(t)
  await t.test('first every process learns the new key', async () => {
    await holds(createSecretBox(oldText, newText))
  })
  await t.test('then it is the one to seal with, and both still open', async () => {
    await holds(createSecretBox(newText, oldText))
    await t.rejects(open(createSecretBox(newText)), /KEY_ENCRYPTION_KEY/, 'not alone yet')
  })
  await t.test('then everything is sealed again, and the old key is worth nothing', async (t) => {
    const both = createSecretBox(newText, oldText)
    t.strictSame(await resealSecrets(db, both, 2), { signingKeys: 2, totpSecrets: 5 })
    await holds(createSecretBox(newText))
    await holds(createSecretBox(oldText, newText))
    await t.rejects(open(createSecretBox(oldText)), /KEY_ENCRYPTION_KEY/)
    t.strictSame(await resealSecrets(db, both, 2), { signingKeys: 0, totpSecrets: 0 }, 'once')
    const entries = await db.selectFrom('audit_entries').select('action').execute()
    t.strictSame(
      entries.map(({ action }) => action),
      ['key.added', 'secrets.resealed'],
    )
  })
})

t.test('the command lists, rotates, retires and seals again', async (t) => {
  const { config, oldText, newText, signing, holds } = await start(t)
  const keys = (args: string[], first = oldText, other = '') =>
    runCommand('keys', config, args, {
      KEY_ENCRYPTION_KEY: first,
      KEY_ENCRYPTION_KEY_OTHER: other,
    })
  const listed = await keys(['list'])
  t.match(listed, { code: 0, output: new RegExp(`^${signing.kid}  signing `, 'm') })
  t.match(listed.output, /^\S+ {2}waiting .* no end/m)
  t.match(await keys(['rotate']), { code: 1, errors: /waits already/ })
  const waiting = /^(\S+) {2}waiting/m.exec(listed.output)?.[1] ?? ''
  t.match(await keys(['retire', waiting]), { code: 0, output: `${signing.kid} signs` })
  t.match(await keys(['retire', waiting]), { code: 1, errors: /no key/ })
  t.match(await keys(['rotate'], newText), { code: 1, errors: /no process could use a key/ })
  t.match(await keys(['rotate']), { code: 0, output: /signs in ten minutes/ })
  t.match(await keys(['reseal'], newText, oldText), {
    code: 0,
    output: /^2 signing keys and 5 authenticator secrets/,
  })
  await holds(createSecretBox(newText))
  const wrong = [[], ['retire'], ['list', 'all'], ['burn']]
  for (const answer of await Promise.all(wrong.map((args) => keys(args))))
    t.match(answer, { code: 2, errors: /npm run keys -- list/ })
  t.match(await keys(['list'], 'short'), { code: 1, errors: /KEY_ENCRYPTION_KEY/ })
})
