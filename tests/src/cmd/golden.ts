import { mkdir, writeFile } from 'node:fs/promises'
import { goldenFile, renderGolden } from '#src/charts/golden.ts'
import { CHARTS_DIR, installedCharts, PROFILES } from '#src/charts/render.ts'

await mkdir(`${CHARTS_DIR}/golden`, { recursive: true })
for (const chart of await installedCharts()) {
  for (const profile of PROFILES) {
    await writeFile(goldenFile(chart, profile), await renderGolden(chart, profile))
    console.log(`${chart} ${profile} written`)
  }
}
