// Writes tests/data/charts/schemas from the API server that kubectl points at, which must know every
// kind that the charts render: the golden renders say which those are.
import { globSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '#src/charts/objects.ts'
import { CHARTS_DIR } from '#src/charts/render.ts'
import {
  extractSchema,
  kindOf,
  type OpenApi,
  openApiPath,
  SCHEMAS_DIR,
  schemaFile,
} from '#src/charts/schemas.ts'
import { run } from '#src/cluster/commands.ts'

readCommandLine({
  help: `npm run chart-schemas -w tests

Writes tests/data/charts/schemas from the API server that kubectl points at.`,
})

const documents = new Map<string, OpenApi>()
const written = new Set<string>()
await mkdir(SCHEMAS_DIR, { recursive: true })
for (const file of globSync('golden/*.yaml', { cwd: CHARTS_DIR })) {
  const golden = await readFile(`${CHARTS_DIR}/${file}`, 'utf8')
  for (const document of parseAllDocuments(golden)) {
    const kind = kindOf(document.toJS() as KubeObject)
    const target = schemaFile(kind)
    if (written.has(target)) continue
    written.add(target)
    const path = openApiPath(kind)
    const openApi =
      documents.get(path) ?? (JSON.parse(await run('kubectl', ['get', '--raw', path])) as OpenApi)
    documents.set(path, openApi)
    await writeFile(target, `${JSON.stringify(extractSchema(openApi, kind))}\n`)
  }
}
for (const name of globSync('*.json', { cwd: SCHEMAS_DIR })) {
  if (!written.has(`${SCHEMAS_DIR}/${name}`)) await rm(`${SCHEMAS_DIR}/${name}`)
}
console.log(`${written.size} schemas written`)
