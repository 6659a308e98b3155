import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { EVENTS } from '@auction/common/contracts/asyncapi.ts'
import { OBLIGATION_SERVICES } from '@auction/common/contracts/obligations.ts'
import { SUBSCRIPTIONS } from '@auction/common/rabbitmq/topology.ts'
import { readRoutes } from '@auction/local/gateway/routes.ts'
import { SERVICE_NAMES, SERVICES, type Service } from '@auction/local/service-list.ts'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const text = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8')
const has = (path: string) => existsSync(`${ROOT}${path}`)

// The shared packages below services/ that no process runs from.
const LIBRARIES = ['common']

t.test(
  'every folder of services/ is in charts/services.yaml, and every entry has a folder',
  (t) => {
    const folders = readdirSync(`${ROOT}services`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && has(`services/${entry.name}/package.json`))
      .map(({ name }) => name)
      .filter((name) => !LIBRARIES.includes(name))
    for (const name of folders)
      t.ok(SERVICE_NAMES.includes(name), `charts/services.yaml has an entry ${name}`)
    for (const name of SERVICE_NAMES) t.ok(folders.includes(name), `services/${name} is a folder`)
    t.end()
  },
)

/** What a service needs in places that neither read the list nor are generated from it. */
const PLACES: readonly (readonly [
  place: string,
  has: (service: Service) => boolean | Promise<boolean>,
])[] = [
  [
    'package.json with the name @auction/<name>',
    ({ name }) => packageName(name) === `@auction/${name}`,
  ],
  [
    'package-lock.json (npm install)',
    ({ name }) => text('package-lock.json').includes(`"services/${name}": {`),
  ],
  [
    'the file of every process and job',
    ({ name, workloads, jobs }) =>
      [...Object.values(workloads), ...Object.values(jobs)].every(({ entry }) =>
        has(`services/${name}/${entry}`),
      ),
  ],
  [
    'migrations/ and the job migrate, if it owns a database and only then',
    ({ name, database, jobs }) =>
      has(`services/${name}/migrations`) === database && 'migrate' in jobs === database,
  ],
  ['tests in services/<name>/test', ({ name }) => has(`services/${name}/test`)],
  ['services/<name>/README.md', ({ name }) => has(`services/${name}/README.md`)],
  [
    'a row of the code map in docs/architecture.md',
    ({ name }) => text('docs/architecture.md').includes(`services/${name}`),
  ],
  [
    'a row in charts/auction-platform/routes.yaml, if it is public and only then',
    async ({ name, workloads }) =>
      (await readRoutes()).routes.some(({ service }) => service === name) ===
      Object.values(workloads).some((its) => its.public === true),
  ],
  [
    'its documents below its own path in routes.yaml (`docs`)',
    async ({ name, docs }) =>
      docs === undefined ||
      (await readRoutes()).routes.some(
        ({ service, match }) => service === name && match.path === docs,
      ),
  ],
]

for (const service of SERVICES) {
  t.test(`${service.name} is everywhere where a service must be`, async (t) => {
    for (const [place, isThere] of PLACES) t.ok(await isThere(service), place)
  })
}

t.test('a service publishes the events of its contracts to its exchanges', (t) => {
  for (const contract of EVENTS) {
    const { publisher } = contract
    const service = SERVICES.find(({ name }) => name === publisher)
    const word = contract.exchange.replace(/^auction\./, '')
    t.ok(
      service?.publishes.includes(word),
      `publishes of ${publisher}: ${word}, for ${contract.key}`,
    )
  }
  const owners = SERVICES.flatMap(({ publishes }) => publishes)
  t.equal(new Set(owners).size, owners.length, 'no exchange has two publishers')
  const topology = text('services/common/src/rabbitmq/topology.ts')
  for (const word of owners)
    t.ok(topology.includes(`'auction.${word}'`), `EXCHANGES of topology.ts: auction.${word}`)
  t.end()
})

t.test('a service that publishes or consumes has a worker with the settings `broker`', (t) => {
  const consumers = new Set(SUBSCRIPTIONS.map(({ consumer }) => consumer))
  for (const name of consumers)
    t.ok(SERVICE_NAMES.includes(name), `charts/services.yaml has the consumer ${name}`)
  for (const { name, workloads, publishes } of SERVICES) {
    const hasWorker = Object.values(workloads).some(({ settings }) => settings.includes('broker'))
    t.equal(hasWorker, consumers.has(name) || publishes.length > 0, name)
  }
  t.end()
})

t.test('calls lead to services with an API', (t) => {
  for (const { name, workloads } of SERVICES) {
    for (const called of Object.values(workloads).flatMap(({ calls = [] }) => calls)) {
      const target = SERVICES.find((one) => one.name === called)
      t.ok(target?.workloads.api?.port, `${name} calls ${called}`)
    }
  }
  t.end()
})

t.test('identity asks every service in which an account can owe something', (t) => {
  const owners = SERVICES.filter(({ obligations }) => obligations).map(({ name }) => name)
  t.same(OBLIGATION_SERVICES, owners, 'OBLIGATION_SERVICES of contracts/obligations.ts')
  const identity = SERVICES.find(({ name }) => name === 'identity')
  for (const [workload, { calls = [] }] of Object.entries(identity?.workloads ?? {}))
    for (const name of owners) t.ok(calls.includes(name), `identity-${workload} calls ${name}`)
  t.end()
})

function packageName(service: string): string {
  return (JSON.parse(text(`services/${service}/package.json`)) as { name: string }).name
}
