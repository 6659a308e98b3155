import t from 'tap'
import { readTracked, trackedFiles } from '#src/tracked-files.ts'

// Of the words that CONTRIBUTING.md ("Language") does not use, those that have no other meaning.
const FORBIDDEN =
  /\b(?:some|no|any|every)body\b|\bwho(?:m?ever)\b|\banew\b|\b(?:tell(?:s|ing)?|told|hear(?:s|d|ing)?)\b/gi

// Migrations are not read: a migration that has run is never changed.
const READ = /\.(?:md|ts|js|ya?ml|sh|tpl)$/
// Generated from charts that are read; data and schemas of others.
const UNREAD = /^(?:charts\/golden|tests\/data)\//

/** Files in which such words are right, and how many there are. */
const ALLOWED: Record<string, number> = {
  // Former names of AsyncAPI operations.
  'CHANGELOG.md': 2,
  // The tables of words that are not used.
  'CONTRIBUTING.md': 8,
  'docs/glossary.md': 5,
  // The pattern above.
  'tests/test/words.test.ts': 3,
}

t.test('texts use the words of CONTRIBUTING.md', async (t) => {
  const found = new Map<string, string[]>()
  for (const path of trackedFiles()) {
    if (!READ.test(path) || UNREAD.test(path)) continue
    const workspace = /^services\/[^/]+|^[^/]+/.exec(path)?.[0] ?? path
    const lines = readTracked(path)
      .split('\n')
      .flatMap((line, index) =>
        [...line.matchAll(FORBIDDEN)].map(([word]) => `${path}:${index + 1} ${word}`),
      )
    const over = lines.slice(ALLOWED[path] ?? 0)
    found.set(workspace, [...(found.get(workspace) ?? []), ...over])
  }
  for (const [workspace, words] of found) {
    t.same(words, [], `${workspace} uses none of the words that CONTRIBUTING.md lists`)
  }
})
