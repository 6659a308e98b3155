import { globSync } from 'node:fs'
import t from 'tap'
import { readTracked, trackedFiles } from '#src/tracked-files.ts'

const root = new URL('../../', import.meta.url)
const exists = (path: string) => globSync(path, { cwd: root }).length > 0

/** The inline code of a page, without its code blocks. */
function codeOf(page: string): string[] {
  const text = readTracked(page).replaceAll(/^```.*?^```/gms, '')
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
}

t.test('every path that the main pages name is there', async (t) => {
  const folders = new Set(trackedFiles().map((path) => path.split('/')[0] ?? ''))
  for (const page of ['rules', 'glossary', 'architecture', 'security']) {
    const paths = codeOf(`docs/${page}.md`)
      .map((code) => code.replace(/(\.\w+):\d+$/, '$1'))
      .filter((code) => /^[\w.-]+\/[\w./*-]*$/.test(code) && folders.has(code.split('/')[0] ?? ''))
    for (const path of paths) {
      t.ok(exists(path) || exists(`${path}.test.ts`), `docs/${page}.md: ${path}`)
    }
  }
})

t.test('every test that docs/security.md gives as proof is there', async (t) => {
  const rows = readTracked('docs/security.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| promise'))
  t.ok(rows.length > 20)
  for (const row of rows) {
    const [, promise = '', proofs = ''] = row.split('|')
    let owner = 'identity'
    const paths = []
    for (const [, service, code = ''] of proofs.matchAll(/(\w+)'s (?=`|and )|`([^`]+)`/g)) {
      if (service !== undefined) owner = service
      else if (/^(tests|local)\//.test(code)) paths.push(code)
      else if (!code.startsWith('npm ')) paths.push(`services/${owner}/test/${code}`)
      else paths.push('package.json')
    }
    t.ok(paths.length > 0, promise)
    for (const path of paths) {
      t.ok(exists(path) || exists(`${path}.test.ts`), `${promise.trim()}: ${path}`)
    }
  }
})

t.test('every test that docs/features.md gives as proof is there, by its name', async (t) => {
  const rows = readTracked('docs/features.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| feature'))
  t.ok(rows.length > 10)
  for (const row of rows) {
    const [, feature = '', state = '', proofs = '', missing = ''] = row
      .split('|')
      .map((cell) => cell.trim())
    t.equal(state === 'yes', missing === '', `${feature} says what is missing, or nothing`)
    const named = [...proofs.matchAll(/`([^`]+)`: ([^;]+)/g)]
    t.equal(named.length > 0, state !== 'no', feature)
    for (const [, path = '', title = ''] of named) {
      t.ok(exists(path) && readTracked(path).includes(title.trim()), `${feature}: ${path} ${title}`)
    }
  }
})

t.test('every rule that is cited anywhere is in docs/rules.md, once', async (t) => {
  const rules = [...readTracked('docs/rules.md').matchAll(/^### (R-[A-Z]+-\d+)$/gm)].map(
    ([, id = '']) => id,
  )
  t.equal(new Set(rules).size, rules.length)
  for (const path of trackedFiles()) {
    if (!/\.(ts|js|md|ya?ml|sh|tpl)$/.test(path)) continue
    for (const [id] of readTracked(path).matchAll(/\bR-[A-Z]+-\d+\b/g)) {
      if (!rules.includes(id)) t.fail(`${path} cites ${id}`)
    }
  }
})
