import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { recordStatements } from '@auction/common/testing/clock-plans.ts'
import { TEST_CONNECTION_TIMEOUT_MS } from '@auction/common/testing/database.ts'
import t from 'tap'
import { createBidEvents } from '#src/app/bid-events.ts'
import { closeDueLots } from '#src/app/close-lots.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createWorld } from '#test/helper.ts'

const LOTS = 200_000

interface Plan {
  'Shared Hit Blocks': number
  'Shared Read Blocks': number
}

t.test(
  'of 200,000 open lots of which none is due, the closer reads fewer than ten pages',
  async (t) => {
    const world = await createWorld(t)
    await world.putTerms()
    const log = createLogger('bid', 'silent')
    const limits = { log, connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS }
    const patient = createPool(world.config, { ...limits, isPatient: true })
    t.teardown(() => patient.end())
    const { rows: columns } = await patient.query<{ name: string }>(
      `select quote_ident(column_name) as name from information_schema.columns
       where table_name = 'lots' and column_name <> 'item_id' and is_generated = 'NEVER'`,
    )
    const names = columns.map(({ name }) => name).join(', ')
    await patient.query(
      `insert into lots (item_id, ${names})
       select gen_random_uuid(), ${names} from lots, generate_series(2, ${LOTS})`,
    )
    await patient.query('vacuum analyze lots')

    const recorded = createPool(world.config, limits)
    t.teardown(() => recorded.end())
    const statements = recordStatements(recorded)
    const db = createDatabase<Database>(recorded)
    const events = createBidEvents({ legacyAlias: false })
    t.equal(await closeDueLots({ db, events, log, outageExtensionMs: 0 }), 0)
    const ofLots = [...statements.values()].filter(({ text }) => /\bfrom lots\b/.test(text))
    t.ok(ofLots.length >= 2, 'it takes what is due, and asks whether more is')
    for (const { text, values } of ofLots) {
      const { rows } = await patient.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
        `explain (analyze, buffers, format json) ${text}`,
        values,
      )
      const plan = rows[0]?.['QUERY PLAN'][0]?.Plan
      const pages = (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0)
      t.ok(plan !== undefined && pages < 10, `${pages} pages: ${text.trim()}`)
    }
  },
)
