/**
 * How long one new item keeps the worker: `SEARCHES=10000 node test/match-bench.ts`. Each round
 * publishes an item and asks all saved searches about it, as the worker's timer does.
 */

import { createDatabase } from '@auction/common/postgres/database.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { createTestDatabase } from '@auction/common/testing/database.ts'
import { matchSavedSearches } from '#src/app/saved-searches/match-saved-searches.ts'
import { createSearchMetrics } from '#src/app/saved-searches/metrics.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'
import { fillSearchWorld } from './search-world.ts'

const SEARCHES = Number(process.env.SEARCHES ?? 10_000)
const ROUNDS = 20
const WORDS_OF_SEARCHES = 2_000
const steps: (() => unknown)[] = []
const scope = { teardown: (step: () => unknown) => void steps.push(step) }
const database = await createTestDatabase(scope, SERVICE.migrations)
const { pool } = database
const { word, categories } = await fillSearchWorld(database, 1_000)
// Two words each for most, and of the others a category with a price, or an attribute.
await pool.query(
  `insert into saved_searches (id, user_id, name, filters, statuses, category_id,
     currency_code, min_price, max_price, attributes)
   select gen_random_uuid(), gen_random_uuid(), 'search ' || n,
     case when n % 10 < 7 then jsonb_build_object('q', words[1 + n % cardinality(words)] || ' '
       || words[1 + n / 7 % cardinality(words)]) else '{}' end,
     '{scheduled,active}', case when n % 10 > 5 then categories[1 + n % cardinality(categories)] end,
     case when n % 3 = 0 then 'USD' end, case when n % 3 = 0 then n % 5000 end, null,
     case when n % 10 = 9 then
       '[{"key": "width", "values": [], "range": {"from": "10", "to": "20"}}]'::jsonb
       else '[]' end
   from generate_series(1, $1::int) as n, (select $2::text[] as words, $3::uuid[] as categories)`,
  [
    SEARCHES,
    Array.from({ length: WORDS_OF_SEARCHES }, (_, index) => word(index + 1)),
    categories.flatMap(({ id, leaf }) => [id, leaf]),
  ],
)
await pool.query('analyze saved_searches')
const dependencies = {
  db: createDatabase<Database>(pool),
  searches: createSearchMetrics(createRegistry('auction')),
}
const times: number[] = []
let matched = 0
for (let round = 0; round < ROUNDS; round += 1) {
  await pool.query(
    `insert into search_matchings (item_id, reason)
     select id, 'published' from items where status = 'active' order by id offset $1 limit 1`,
    [round],
  )
  const startedMs = performance.now()
  matched += await matchSavedSearches(dependencies)
  times.push(performance.now() - startedMs)
}
times.sort((a, b) => a - b)
const [p50, max] = [times[ROUNDS >> 1] ?? 0, times.at(-1) ?? 0]
console.log(
  `${SEARCHES} searches, one item: p50 ${p50.toFixed(1)} ms, slowest ${max.toFixed(1)} ms; ` +
    `${(matched / ROUNDS).toFixed(1)} matched`,
)
for (const step of steps.reverse()) await step()
