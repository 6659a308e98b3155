import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { ADVISORY_LOCKS } from '#src/postgres/advisory-locks.ts'

const services = new URL('../../../', import.meta.url).pathname
const files = globSync('*/src/**/*.ts', { cwd: services })
  .filter((file) => !file.endsWith('/advisory-locks.ts'))
  .map((file) => ({ file, text: readFileSync(`${services}${file}`, 'utf8') }))
const STATEMENT = /pg_(?:try_)?advisory_|hashtext/

t.test('no two advisory locks are the same, and their numbers stay', async (t) => {
  const keys = Object.values(ADVISORY_LOCKS)
  t.equal(new Set(keys).size, keys.length)
  // Old and new processes run side by side during an upgrade: this list only ever grows.
  t.strictSame(keys, [
    'auction migrations',
    'outbox relay',
    2,
    3,
    4701,
    4702,
    'identity.signing_keys',
    4801,
    4802,
    4803,
    4804,
    4805,
    4806,
    4901,
    4904,
    4902,
    4903,
    4905,
    5101,
    5102,
  ])
})

t.test('every advisory lock comes from the register', async (t) => {
  const locking = files.filter(({ text }) => STATEMENT.test(text))
  t.ok(locking.length >= 9)
  for (const { file, text } of locking) {
    t.match(text, 'ADVISORY_LOCKS.', file)
    for (const line of text.split('\n').filter((line) => STATEMENT.test(line))) {
      const written = line.replaceAll(/\$\{[^}]*\}|\$\d/g, '')
      t.notMatch(written, /hashtext(extended)?\(\s*'|[(,]\s*[1-9][\d_]*\s*\)/, `${file}: ${line}`)
    }
  }
})

t.test('every advisory lock of the register is used', async (t) => {
  for (const name of Object.keys(ADVISORY_LOCKS))
    t.ok(
      files.some(({ text }) => text.includes(`ADVISORY_LOCKS.${name}`)),
      name,
    )
})
