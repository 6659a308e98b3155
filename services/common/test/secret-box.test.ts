import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createSecretBox } from '#src/secret-box.ts'

const key = () => randomBytes(32).toString('base64')

t.test('a sealed secret opens with the same key and context only', async (t) => {
  const keyText = key()
  const box = createSecretBox(keyText)
  const sealed = box.seal('private key', 'kid-1')
  t.equal(box.open(sealed, 'kid-1'), 'private key')
  t.equal(createSecretBox(keyText).open(sealed, 'kid-1'), 'private key', 'after a restart')
  t.throws(() => box.open(sealed, 'kid-2'), 'moved to another row')
  t.throws(() => createSecretBox(key()).open(sealed, 'kid-1'), 'another key')
})

t.test('a changed byte is noticed wherever it is', async (t) => {
  const box = createSecretBox(key())
  const sealed = box.seal('private key', 'kid-1')
  for (let index = 0; index < sealed.length; index += 1) {
    const changed = Buffer.from(sealed)
    changed[index] = (changed[index] ?? 0) ^ 1
    t.throws(() => box.open(changed, 'kid-1'), `byte ${index}`)
  }
  t.throws(() => box.open(sealed.subarray(0, 20), 'kid-1'), 'cut within the tag')
})

t.test(
  'the same secret never looks the same, and a key of another length is refused',
  async (t) => {
    const box = createSecretBox(key())
    t.notSame(box.seal('x', 'kid'), box.seal('x', 'kid'))
    t.throws(() => createSecretBox(randomBytes(16).toString('base64')), /32 bytes/)
  },
)

t.test('a derived key depends on key and purpose and does not give the key away', async (t) => {
  const keyText = key()
  const box = createSecretBox(keyText)
  t.same(box.derive('a'), createSecretBox(keyText).derive('a'))
  t.notSame(box.derive('a'), box.derive('b'))
  t.notSame(box.derive('a'), Buffer.from(keyText, 'base64'))
})
