/**
 * The API over many items, a process of its own: `search` and P9 of the benchmarks ask it. Sends its
 * address and the searches to ask, and ends when its parent disconnects. ITEMS says how many there are; with
 * PLANS=1 it prints how PostgreSQL runs each search instead, and fails when a large table is read
 * from end to end: `ITEMS=100000 PLANS=1 node test/search-server.ts`.
 */

import { createDatabase } from '@auction/common/postgres/database.ts'
import { createTestDatabase } from '@auction/common/testing/database.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { buildReadOnlyApp, explain, readsWhole, recordStatements } from './search-plans.ts'
import { pathOf, searchShapes } from './search-shapes.ts'
import { fillSearchWorld } from './search-world.ts'

const steps: (() => unknown)[] = []
const scope = { teardown: (step: () => unknown) => void steps.push(step) }
const database = await createTestDatabase(scope, SERVICE.migrations)
const { pool } = database
const world = await fillSearchWorld(database, Number(process.env.ITEMS ?? 100_000))
const isPlansOnly = process.env.PLANS === '1'
const recorder = recordStatements(pool)
const app = await buildReadOnlyApp(isPlansOnly ? recorder.db : createDatabase<Database>(pool))
const address = await app.listen({ host: '127.0.0.1', port: 0 })
const get = async (path: string) =>
  (await (await fetch(`${address}${path}`)).json()) as { nextCursor?: string }
const searches: { name: string; path: string }[] = []
for (const shape of searchShapes(world))
  searches.push({ name: shape.name, path: await pathOf(shape, get) })

if (isPlansOnly) {
  process.exitCode = (await printPlans()) ? 0 : 1
  await end()
} else {
  const { rows } = await pool.query<{ id: string }>('select id from items limit 1')
  process.once('disconnect', () => void end())
  process.send?.({ address, searches, itemId: rows[0]?.id })
}

async function printPlans(): Promise<boolean> {
  const whole: string[] = []
  for (const { name, path } of searches) {
    recorder.take()
    await get(path)
    for (const statement of recorder.take()) {
      const plan = await explain(pool, statement, '(analyze, buffers)')
      console.log(`## ${name}\n${statement.sql}\n${plan}\n`)
      whole.push(...readsWhole(plan).map((table) => `${name}: ${table}`))
    }
  }
  console.log(whole.length === 0 ? 'No large table is read whole.' : `Read whole: ${whole.join()}`)
  return whole.length === 0
}

async function end(): Promise<void> {
  await app.close()
  for (const step of steps.reverse()) await step()
}
