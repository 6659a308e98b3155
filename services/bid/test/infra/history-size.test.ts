import { randomUUID } from 'node:crypto'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { recordStatements } from '@auction/common/testing/clock-plans.ts'
import { TEST_CONNECTION_TIMEOUT_MS } from '@auction/common/testing/database.ts'
import t from 'tap'
import { readHistory } from '#src/infra/postgres/bids.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createWorld, lotTerms } from '#test/helper.ts'

const RAISES = 100_000
const BIDS = 60
const PAGE = 20

interface Plan {
  'Shared Hit Blocks': number
  'Shared Read Blocks': number
}

t.test(
  'a page of the history costs the same, however often a leader raised the own maximum',
  async (t) => {
    const world = await createWorld(t)
    const terms = lotTerms()
    await world.putTerms(terms)
    const { itemId } = terms
    const people = [randomUUID(), randomUUID()]
    for (let index = 0; index < BIDS; index += 1) {
      const { statusCode } = await world.bid(itemId, people[index % 2] ?? '', `${10 + index}.00`)
      t.equal(statusCode, 201)
    }
    const log = createLogger('bid', 'silent')
    const limits = { log, connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS }
    const patient = createPool(world.config, { ...limits, isPatient: true })
    t.teardown(() => patient.end())
    const recorded = createPool(world.config, limits)
    t.teardown(() => recorded.end())
    const statements = recordStatements(recorded)
    const db = createDatabase<Database>(recorded)
    const before = await readHistory(db, itemId, undefined, PAGE)
    const bids = before.filter(({ kind }) => kind !== 'auto')
    t.equal(bids.length, PAGE)

    const { rows: columns } = await patient.query<{ name: string }>(
      `select quote_ident(column_name) as name from information_schema.columns
       where table_name = 'bids' and column_name not in ('id', 'silent_raise', 'idempotency_key')
         and is_generated = 'NEVER' and is_identity = 'NO'`,
    )
    const names = columns.map(({ name }) => name).join(', ')
    // In the middle of the page, of the second to last bid.
    await patient.query(
      `insert into bids (id, silent_raise, ${names})
       select gen_random_uuid(), n, ${names} from bids, generate_series(1, ${RAISES}) n
       where item_id = $1 and id = $2`,
      [itemId, bids[1]?.bidId],
    )
    await patient.query('vacuum analyze bids')
    const pagesOf = async (statement: { text: string; values: unknown[] } | undefined) => {
      const { rows } = await patient.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
        `explain (analyze, buffers, format json) ${statement?.text}`,
        statement?.values,
      )
      const plan = rows[0]?.['QUERY PLAN'][0]?.Plan
      return (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0)
    }
    statements.clear()
    t.strictSame(await readHistory(db, itemId, undefined, PAGE), before, 'none of them is shown')
    const pages = await pagesOf([...statements.values()][0])
    t.ok(pages > 0 && pages < PAGE * 15, `${pages} pages with the raises`)
    statements.clear()
    const earlier = await readHistory(db, itemId, bids.at(-1)?.sequence, PAGE)
    t.equal(earlier.filter(({ kind }) => kind !== 'auto').length, PAGE)
    t.ok(Math.max(...earlier.map(({ sequence }) => sequence)) < (bids.at(-1)?.sequence ?? 0))
    const others = await pagesOf([...statements.values()][0])
    t.ok(others > 0 && others < PAGE * 15, `${others} pages without them`)
  },
)
