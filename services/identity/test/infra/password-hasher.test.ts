import { hashSync } from '@node-rs/argon2'
import t from 'tap'
import { createPasswordHasher, HasherFullError } from '#src/infra/argon2/password-hasher.ts'

t.test('a stored hash is argon2id with 19 MiB, two passes and one lane', async (t) => {
  const hasher = await createPasswordHasher({ concurrency: 1, queueMax: 1 })
  const stored = await hasher.hash('correct horse')
  t.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.not(await hasher.hash('correct horse'), stored, 'salted')
  t.equal(await hasher.verify(stored, 'correct horse'), true)
  t.equal(await hasher.verify(stored, 'correct horse '), false, 'nothing is trimmed')
  t.equal(await hasher.verifyNobody('nobody has this password'), false)
})

t.test('a password is compared in full, also behind a NUL and after 72 bytes', async (t) => {
  const hasher = await createPasswordHasher({ concurrency: 1, queueMax: 1 })
  const long = 'x'.repeat(127)
  t.equal(await hasher.verify(await hasher.hash(`${long}a`), `${long}b`), false)
  t.equal(await hasher.verify(await hasher.hash('12345678\u0000a'), '12345678\u0000b'), false)
})

t.test('a hash with other parameters is due for a new one', async (t) => {
  const hasher = await createPasswordHasher({ concurrency: 1, queueMax: 1 })
  t.equal(hasher.needsRehash(await hasher.hash('12345678')), false)
  t.equal(hasher.needsRehash(hashSync('12345678', { memoryCost: 8_192, timeCost: 2 })), true)
})

t.test(
  'no more hashes run than permits, no more wait than places, the rest is refused at once',
  async (t) => {
    const hasher = await createPasswordHasher({ concurrency: 2, queueMax: 3 })
    let highest = 0
    const hashes = Array.from({ length: 9 }, async () => {
      const hash = hasher.hash('12345678')
      highest = Math.max(highest, hasher.active)
      return hash
    })
    t.equal(hasher.active, 2)
    t.equal(hasher.waiting, 3)
    const settled = await Promise.allSettled(hashes)
    const refused = settled.filter((result) => result.status === 'rejected')
    t.equal(refused.length, 4)
    t.ok(refused.every((result) => result.reason instanceof HasherFullError))
    t.equal(highest, 2)
    t.equal(hasher.active, 0, 'every permit came back')
    t.equal(hasher.waiting, 0)
  },
)

t.test('a hash that fails gives its permit back', async (t) => {
  const hasher = await createPasswordHasher({ concurrency: 1, queueMax: 0 })
  await t.rejects(hasher.verify('$argon2id$broken', '12345678'))
  t.equal(hasher.active, 0)
  t.equal(await hasher.verify(await hasher.hash('12345678'), '12345678'), true)
})
