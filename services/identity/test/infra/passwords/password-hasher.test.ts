import { createPermits } from '@auction/common/process/permits.ts'
import { hashSync } from '@node-rs/argon2'
import t from 'tap'
import { createPasswordHasher } from '#src/infra/passwords/password-hasher.ts'

const permits = createPermits({ concurrency: 1, queueMax: 1 })

t.test('seed bug 30: a stored hash is argon2id with 19 MiB, two passes and one lane', async (t) => {
  const hasher = await createPasswordHasher(permits)
  const stored = await hasher.hash('correct horse')
  t.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.not(await hasher.hash('correct horse'), stored, 'salted')
  t.equal(await hasher.verify(stored, 'correct horse'), true)
  t.equal(await hasher.verify(stored, 'correct horse '), false, 'nothing is trimmed')
  t.equal(await hasher.verifyNobody('no user has this password'), false)
})

t.test('a password is compared in full, also behind a NUL and after 72 bytes', async (t) => {
  const hasher = await createPasswordHasher(permits)
  const long = 'x'.repeat(127)
  t.equal(await hasher.verify(await hasher.hash(`${long}a`), `${long}b`), false)
  t.equal(await hasher.verify(await hasher.hash('12345678\u0000a'), '12345678\u0000b'), false)
})

t.test('a hash with other parameters is due for a new one', async (t) => {
  const hasher = await createPasswordHasher(permits)
  t.equal(hasher.needsRehash(await hasher.hash('12345678')), false)
  t.equal(hasher.needsRehash(hashSync('12345678', { memoryCost: 8_192, timeCost: 2 })), true)
})
