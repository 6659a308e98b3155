import { writeFile } from 'node:fs/promises'
import { asyncApiDocument } from '../contracts/asyncapi.ts'
import { readCommandLine } from '../process/command-line.ts'

readCommandLine({
  help: `npm run asyncapi

Writes docs/asyncapi.json from services/common/src/contracts.`,
})

// Generates docs/asyncapi.json, after a contract has changed. A test compares the two.
const path = new URL('../../../../docs/asyncapi.json', import.meta.url)
await writeFile(path, `${JSON.stringify(asyncApiDocument(), null, 2)}\n`)
