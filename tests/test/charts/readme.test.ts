import { readFile } from 'node:fs/promises'
import t from 'tap'
import { readmeFile, renderReadme, rowsOf } from '#src/charts/readme.ts'
import { allCharts } from '#src/charts/render.ts'

t.test('the README of every chart says what its values are now', async (t) => {
  const charts = await allCharts()
  t.ok(charts.length >= 8)
  for (const chart of charts) {
    const written = await readFile(readmeFile(chart), 'utf8')
    t.equal(await renderReadme(chart), written, `${chart}, else: npm run chart-docs -w tests`)
  }
})

t.test('values are read with the comments above them', async (t) => {
  const text = `# A line about the file.

# -- On or off
enabled: true
image:
  # -- Without registry,
  # as it is pulled
  repository: a/b
  tag: ""
  # Not for the table.
  pull: { secrets: [] }
list: [1, "a|b"]
"a.b/c": 3
`
  t.same(rowsOf(text), [
    { key: 'enabled', type: 'bool', value: 'true', description: 'On or off' },
    {
      key: 'image.repository',
      type: 'string',
      value: '"a/b"',
      description: 'Without registry, as it is pulled',
    },
    { key: 'image.tag', type: 'string', value: '""', description: '' },
    { key: 'image.pull', type: 'object', value: '{"secrets":[]}', description: '' },
    { key: 'list', type: 'list', value: '[1,"a|b"]', description: '' },
    { key: '"a.b/c"', type: 'number', value: '3', description: '' },
  ])
})
