import { writeFile } from 'node:fs/promises'
import { readmeFile, renderReadme } from '#src/charts/readme.ts'
import { allCharts } from '#src/charts/render.ts'

for (const chart of await allCharts()) {
  await writeFile(readmeFile(chart), await renderReadme(chart))
  console.log(`${readmeFile(chart)} written`)
}
