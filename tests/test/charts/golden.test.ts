import { readdir, readFile } from 'node:fs/promises'
import t from 'tap'
import {
  currentContent,
  currentTarget,
  fillRegions,
  generatedFiles,
  generatedLinks,
} from '#src/charts/generated.ts'
import { goldenFile, renderGolden } from '#src/charts/golden.ts'
import { CHARTS_DIR, installedCharts, PROFILES } from '#src/charts/render.ts'

const charts = await installedCharts()

t.test('what is written from charts/services.yaml says what the list says now', async (t) => {
  for (const file of await generatedFiles())
    t.equal(currentContent(file), file.content, `${file.path}, else: npm run golden -w tests`)
  for (const link of generatedLinks())
    t.equal(currentTarget(link), link.target, `${link.path}, else: npm run golden -w tests`)
})

t.test('a region keeps its indent and what is around it; a missing one is an error', async (t) => {
  const begin = 'written by `npm run golden -w tests`'
  const text = `a:\n  # b: ${begin}\n  - old\n  # end of b\nc: 1\n`
  t.equal(
    fillRegions(text, { b: ['- new', '  d: 2'] }),
    `a:\n  # b: ${begin}\n  - new\n    d: 2\n  # end of b\nc: 1\n`,
  )
  t.throws(() => fillRegions(text, { d: [] }), /no region "d"/)
})

for (const chart of charts) {
  for (const profile of PROFILES) {
    t.test(`${chart} renders in profile ${profile} what was reviewed`, async (t) => {
      const reviewed = await readFile(goldenFile(chart, profile), 'utf8')
      t.equal(await renderGolden(chart, profile), reviewed, 'else: npm run golden -w tests')
    })
  }
}

t.test('no reviewed file is left of a chart or profile that is gone', async (t) => {
  const wanted = charts.flatMap((chart) => PROFILES.map((profile) => `${chart}-${profile}.yaml`))
  t.same((await readdir(`${CHARTS_DIR}/golden`)).toSorted(), wanted.toSorted())
})
