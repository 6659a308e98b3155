import { readFileSync } from 'node:fs'
import t from 'tap'
import { asyncApiDocument, EVENTS } from '#src/contracts/asyncapi.ts'
import { SUBSCRIPTIONS } from '#src/rabbitmq/topology.ts'

const read = (name: string) =>
  readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8')

t.test('docs/asyncapi.json is what the contracts say (npm run asyncapi)', async (t) => {
  t.strictSame(JSON.parse(read('asyncapi.json')), JSON.parse(JSON.stringify(asyncApiDocument())))
})

t.test('it names every event, its publisher and its consumers', async (t) => {
  const rows = [...read('events.md').matchAll(/^\| `([^`]+)` \| ([a-z-]+) \|/gm)]
  t.strictSame(
    EVENTS.map((contract) => `${contract.key} ${contract.publisher}`),
    rows.map(([, key, publisher]) => `${key} ${publisher}`).sort(),
  )
  const { operations } = asyncApiDocument() as { operations: object }
  t.equal(Object.keys(operations).length, EVENTS.length + SUBSCRIPTIONS.length)
  t.match(operations, { 'bid.publishes.bid.placed.v1': {}, 'auction.consumes.bid.placed.v1': {} })
})

t.test('every reference in it leads somewhere', async (t) => {
  const document: unknown = JSON.parse(JSON.stringify(asyncApiDocument()))
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)]
  t.ok(references.length > 100)
  for (const [, path = ''] of references) {
    const target = path
      .split('/')
      .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document)
    if (target === undefined) t.fail(path)
  }
})
