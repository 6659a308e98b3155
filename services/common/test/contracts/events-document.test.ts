import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import type { EventContract } from '#src/contracts/event.ts'
import { queueName, SUBSCRIPTIONS } from '#src/rabbitmq/topology.ts'

const contractsFolder = new URL('../../src/contracts/', import.meta.url)
const document = readFileSync(new URL('../../../../docs/events.md', import.meta.url), 'utf8')

const isContract = (value: unknown): value is EventContract =>
  typeof value === 'object' && value !== null && 'key' in value && 'checkRead' in value

/** The event contracts that a file of contracts/ exports. */
async function contractsOf(file: string): Promise<EventContract[]> {
  const module: object = await import(new URL(file, contractsFolder).href)
  return Object.values(module).filter(isContract)
}

const files = readdirSync(contractsFolder).filter((name) => name.endsWith('.ts'))
const findContracts = async () => (await Promise.all(files.map(contractsOf))).flat()

/** The rows of the table of events: key, publisher and consumers. */
const rows = [...document.matchAll(/^\| `([^`]+)` \| ([a-z-]+) \| [^|]+ \| ([^|]+) \|$/gm)].map(
  ([, key = '', publisher = '', consumers = '']) => ({
    key,
    publisher,
    consumers: consumers.trim(),
  }),
)

t.test('docs/events.md lists every event there is, once, and no other', async (t) => {
  const keys = (await findContracts()).map(({ key }) => key)
  t.ok(keys.length >= 17)
  t.equal(new Set(keys).size, keys.length, 'no two contracts share a key')
  t.strictSame(rows.map(({ key }) => key).sort(), keys.sort())
})

t.test('the file of a contract is named after its publisher', async (t) => {
  for (const file of files)
    for (const { key, publisher } of await contractsOf(file)) t.equal(`${publisher}.ts`, file, key)
})

t.test('docs/events.md names exactly the consumers of an event', async (t) => {
  for (const { key, consumers } of rows) {
    const subscribed = SUBSCRIPTIONS.filter(({ contract }) => contract.key === key)
    t.equal(consumers, subscribed.map(({ consumer }) => consumer).join(', ') || '–', key)
  }
})

t.test('a queue bears the names that docs/events.md gives it', async (t) => {
  t.match(document, 'queue `{consumer}.{key}`')
  for (const { consumer, contract } of SUBSCRIPTIONS)
    t.equal(queueName(consumer, contract), `${consumer}.${contract.key}`)
  for (const { key, exchange } of await findContracts())
    t.equal(exchange, `auction.${key.split('.')[0]}`)
})
