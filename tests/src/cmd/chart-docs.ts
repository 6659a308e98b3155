import { writeFile } from 'node:fs/promises'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { readmeFile, renderReadme } from '#src/charts/readme.ts'
import { allCharts } from '#src/charts/render.ts'

readCommandLine({
  help: `npm run chart-docs -w tests

Writes the README of every chart from its values.`,
})

for (const chart of await allCharts()) {
  await writeFile(readmeFile(chart), await renderReadme(chart))
  console.log(`${readmeFile(chart)} written`)
}
