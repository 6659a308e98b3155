import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import type { EventContract } from '#src/contracts/event.ts'
import { queueName, SUBSCRIPTIONS } from '#src/rabbitmq/topology.ts'

const contractsFolder = new URL('../../src/contracts/', import.meta.url)
const document = readFileSync(new URL('../../../../docs/events.md', import.meta.url), 'utf8')

/** Every event contract that any file of contracts/ exports. */
async function findContracts(): Promise<EventContract[]> {
  const files = readdirSync(contractsFolder).filter((name) => name.endsWith('.ts'))
  const modules = await Promise.all(
    files.map((name): Promise<object> => import(new URL(name, contractsFolder).href)),
  )
  return modules
    .flatMap((module): unknown[] => Object.values(module))
    .filter(
      (value): value is EventContract =>
        typeof value === 'object' && value !== null && 'key' in value && 'checkRead' in value,
    )
}

/** The rows of the table of events: key, teller and hearers. */
const rows = [...document.matchAll(/^\| `([^`]+)` \| ([a-z-]+) \| [^|]+ \| ([^|]+) \|$/gm)].map(
  ([, key = '', teller = '', hearers = '']) => ({ key, teller, hearers: hearers.trim() }),
)

t.test('docs/events.md lists every event there is, once, and no other', async (t) => {
  const keys = (await findContracts()).map(({ key }) => key)
  t.ok(keys.length >= 17)
  t.equal(new Set(keys).size, keys.length, 'no two contracts share a key')
  t.strictSame(rows.map(({ key }) => key).sort(), keys.sort())
})

t.test('docs/events.md names exactly those who hear an event', async (t) => {
  for (const { key, hearers } of rows) {
    const subscribed = SUBSCRIPTIONS.filter(({ contract }) => contract.key === key)
    t.equal(hearers, subscribed.map(({ consumer }) => consumer).join(', ') || '–', key)
  }
})

t.test('a queue bears the names that docs/events.md gives it', async (t) => {
  t.match(document, 'queue `{consumer}.{key}`')
  for (const { consumer, contract } of SUBSCRIPTIONS)
    t.equal(queueName(consumer, contract), `${consumer}.${contract.key}`)
  for (const { key, exchange } of await findContracts())
    t.equal(exchange, `auction.${key.split('.')[0]}`)
})
