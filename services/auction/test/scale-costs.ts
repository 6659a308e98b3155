/**
 * What lists, searches and timers of the auction service cost over ITEMS items, a process of its own: `npm run scale -w tests`
 * starts it once for a small and once for a large number. Sends pairs of a name and a cost to its parent and ends.
 */

import { createDatabase } from '@auction/common/postgres/database.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { recordStatements, UNUSED_CONNECTIONS } from '@auction/common/testing/clock-plans.ts'
import { type Cost, costOf } from '@auction/common/testing/cost.ts'
import { createTestDatabase } from '@auction/common/testing/database.ts'
import { buildWorker } from '#src/app/worker.ts'
import { readWorkerConfig } from '#src/config.ts'
import { createItemLists } from '#src/infra/postgres/listing/item-list.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { buildReadOnlyApp } from './search-plans.ts'
import { pathOf, searchShapes } from './search-shapes.ts'
import { fillSearchWorld } from './search-world.ts'

const steps: (() => unknown)[] = []
const database = await createTestDatabase(
  { teardown: (step) => void steps.push(step) },
  SERVICE.migrations,
)
const world = await fillSearchWorld(database, Number(process.env.ITEMS ?? 20_000))
const pool = database.createPool()
const patient = database.createPool(2, { isPatient: true })
const statements = recordStatements(pool)
const db = createDatabase<Database>(pool)
// Every read asks the database.
const app = await buildReadOnlyApp(db, { publicReadsMaxAgeMs: 0, categoryCountsMaxAgeMs: 0 })
const { timers } = buildWorker(
  readWorkerConfig({
    ...UNUSED_CONNECTIONS,
    BID_URL: 'http://unused',
    IDENTITY_URL: 'http://unused',
  }),
  {
    pool,
    db,
    log: createLogger('scale', 'silent'),
    registry: createRegistry('auction'),
    lifecycle: { onStop: () => undefined, isStopping: () => false },
  },
)

async function get(path: string): Promise<{ nextCursor?: string }> {
  const answer = await app.inject({ url: path })
  if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.body}`)
  return answer.json()
}

async function measure(): Promise<Map<string, Cost>> {
  const { rows } = await pool.query<{ id: string }>('select id from items limit 1')
  const paths = new Map([
    ['list of items', '/api/v1/items?limit=20'],
    ['an item', `/api/v1/items/${rows[0]?.id}`],
    ['categories', '/api/v1/categories'],
  ])
  for (const shape of searchShapes(world)) {
    paths.set(`search: ${shape.name}`, await pathOf(shape, get))
  }
  const costs = new Map<string, Cost>()
  const add = async (name: string, work: () => Promise<unknown>) => {
    costs.set(name, await costOf(patient, statements, work))
  }
  for (const { name, run } of timers) await add(`timer: ${name}`, run)
  // The total is kept for a second; lists that are new have none.
  const firstPage = { sellerId: undefined, order: 'asc', limit: 20, offset: 0 } as const
  for (const status of [undefined, 'active', 'expired'] as const) {
    await add(`list of items and their total, ${status ?? 'all'}`, () =>
      createItemLists(db).read({ ...firstPage, status }),
    )
  }
  for (const [name, path] of paths) await add(name, () => get(path))
  return costs
}

process.once('disconnect', () => process.exit(1))
try {
  process.send?.([...(await measure())])
} finally {
  await app.close()
  for (const step of steps.reverse()) await step()
}
process.exit(0)
