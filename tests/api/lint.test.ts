import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type ApiDocument, buildDocuments } from './documents.ts'
import { LINTERS } from './lint.ts'
import { findTools } from './tools.ts'

const folder = t.testdir()
const tools = await findTools((line) => t.comment(line))
const documents = await buildDocuments(t, folder)

async function write(name: string, document: ApiDocument): Promise<string> {
  const file = join(folder, `${name}.json`)
  await writeFile(file, JSON.stringify(document, undefined, 2))
  return file
}

const files: string[] = []
for (const [service, document] of documents) {
  // One without a route yet fails in flow.test.ts.
  if (Object.keys(document.paths).length > 0) files.push(await write(service, document))
}

for (const [name, lint] of Object.entries(LINTERS)) {
  t.test(`${name} has nothing against the document of any service`, async (t) => {
    t.ok(files.length > 2, `${files.length} documents`)
    t.strictSame(await lint(tools, files), [])
  })

  t.test(`${name} sees what a document may not have`, async (t) => {
    const document = structuredClone(documents.get('bid')) as ApiDocument
    const [path = ''] = Object.keys(document.paths)
    const operation = Object.values(document.paths[path] ?? {})[0] ?? {}
    delete operation.operationId
    operation.tags = ['unknown']
    const found = (await lint(tools, [await write('broken', document)])).join('\n')
    t.match(found, /broken\.json: operation-operationId/)
    t.match(found, /broken\.json: operation-tag-defined/)
  })
}
