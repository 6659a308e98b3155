import { readdir, readFile } from 'node:fs/promises'
import t from 'tap'
import { goldenFile, renderGolden } from '#src/charts/golden.ts'
import { CHARTS_DIR, installedCharts, PROFILES } from '#src/charts/render.ts'

t.setTimeout(180_000)

const charts = await installedCharts()

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
