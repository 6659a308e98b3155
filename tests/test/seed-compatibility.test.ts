import { readFileSync } from 'node:fs'
import t from 'tap'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')
const rows = read('docs/seed-compatibility.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (original|bug|row) \|/.test(line))

/** The test file that a proof names in short. */
function pathOf(name: string): string {
  const [first = '', ...rest] = name.split('/')
  const folder = first === 'tests' || first === 'local' ? first : `services/${first}`
  return `${folder}/test/${rest.join('/')}.test.ts`
}

/** Titles with the files they are said to be in; a file counts until the next one is named. */
function proofsOf(cell: string): { path: string; title: string }[] {
  let path = ''
  const proofs = []
  for (const [, name, title] of cell.matchAll(/`([^`]+)`|“([^”]+)”/g)) {
    if (name !== undefined) path = pathOf(name)
    if (title !== undefined) proofs.push({ path, title })
  }
  return proofs
}

t.test('every test that docs/seed-compatibility.md names is there', async (t) => {
  t.ok(rows.length > 70)
  for (const row of rows) {
    for (const { path, title } of proofsOf(row.split(' | ').at(-1) ?? '')) {
      const source = read(path)
      const written = [`'${title}'`, `"${title}"`, `\`${title}\``]
      t.ok(
        written.some((text) => source.includes(text)),
        `${path}: ${title}`,
      )
    }
  }
})

t.test('no row claims anything without a test', async (t) => {
  for (const row of rows) {
    const [, state = '', proof = ''] = row.slice(2, -2).split(' | ')
    if (state.startsWith('Y')) t.ok(proofsOf(proof).length > 0, row)
    if (state.startsWith('changed')) t.ok(proofsOf(proof).length > 0 || proof === 'no test', row)
  }
})
