import { DOCS } from '@auction/local/service-list.ts'
import t from 'tap'
import { insist } from '#src/people.ts'
import { createPlatform } from '../test/helper.ts'
import type { ApiDocument } from './documents.ts'
import { fuzz } from './fuzz.ts'
import { mergeDocuments } from './merge-documents.ts'
import { createStage, ROLES } from './stage.ts'
import { findTools } from './tools.ts'

const folder = t.testdir()
const tools = await findTools((line) => t.comment(line))
// All requests come from one address, and wrong passwords from few accounts: 429 would be most of the answers.
const { platform, client } = await createPlatform(t, {
  rateFactor: 1_000,
  env: { 'identity-api': { TRIES_PER_ACCOUNT: '1000000' } },
})
const documents = new Map<string, ApiDocument>()
for (const [service, path] of DOCS) {
  const { body } = await insist(client, 'GET', `${path}/openapi.json`, { accept: [200] })
  documents.set(service, body as unknown as ApiDocument)
}
const document = mergeDocuments(documents)
const operations = Object.values(document.paths).flatMap((path) => Object.keys(path)).length
const enter = await createStage(client, platform)

for (const role of ROLES) {
  t.test(`${role} gets no answer that is not in the document, and no error of ours`, async (t) => {
    const part = await enter(role)
    const startedAtMs = performance.now()
    const done = await fuzz(tools, {
      gatewayUrl: platform.gatewayUrl,
      document,
      role,
      part,
      folder,
    })
    const seconds = Math.round((performance.now() - startedAtMs) / 1_000)
    t.equal(done.problem, undefined)
    t.equal(done.operations, operations, 'every operation was tried')
    const succeeded = Object.entries(done.statuses)
      .filter(([status]) => status < '400')
      .reduce((sum, [, count]) => sum + count, 0)
    t.ok(succeeded > 20, `${succeeded} requests were granted`)
    const counts = Object.entries(done.statuses).map(([status, count]) => `${status}: ${count}`)
    t.comment(
      `${role}: ${done.operations} operations, ${done.requests} requests in ${seconds} s; ${counts.join(', ')}`,
    )
  })
}
