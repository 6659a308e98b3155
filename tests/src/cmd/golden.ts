import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import {
  currentContent,
  currentTarget,
  generatedFiles,
  generatedLinks,
  pathOf,
} from '#src/charts/generated.ts'
import { goldenFile, renderGolden } from '#src/charts/golden.ts'
import { readmeFile, renderReadme } from '#src/charts/readme.ts'
import { allCharts, CHARTS_DIR, installedCharts, PROFILES } from '#src/charts/render.ts'

readCommandLine({
  help: `npm run golden -w tests

Writes charts/golden, and what follows from charts/services.yaml. HELM may name Helm.`,
})

// First what follows from charts/services.yaml, since charts read it; then what the charts render.
for (const link of generatedLinks()) {
  if (currentTarget(link) === link.target) continue
  await mkdir(dirname(pathOf(link)), { recursive: true })
  await rm(pathOf(link), { force: true })
  await symlink(link.target, pathOf(link))
  console.log(`${link.path} linked`)
}
for (const file of await generatedFiles()) {
  if (currentContent(file) === file.content) continue
  await mkdir(dirname(pathOf(file)), { recursive: true })
  await writeFile(pathOf(file), file.content)
  console.log(`${file.path} written`)
}
for (const chart of await allCharts()) {
  await writeFile(readmeFile(chart), await renderReadme(chart))
}
await mkdir(`${CHARTS_DIR}/golden`, { recursive: true })
for (const chart of await installedCharts()) {
  for (const profile of PROFILES) {
    await writeFile(goldenFile(chart, profile), await renderGolden(chart, profile))
    console.log(`${chart} ${profile} written`)
  }
}
