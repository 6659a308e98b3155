import { writeFile } from 'node:fs/promises'
import { asyncApiDocument } from '../contracts/asyncapi.ts'

// Generates docs/asyncapi.json, after a contract has changed. A test compares the two.
const path = new URL('../../../../docs/asyncapi.json', import.meta.url)
await writeFile(path, `${JSON.stringify(asyncApiDocument(), null, 2)}\n`)
