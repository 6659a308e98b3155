/**
 * Times searches over many items: `node test/search-bench.ts [items] [rounds]`. Prints median and
 * p95 of each kind of search, and names every plan that reads a large table from end to end.
 */
import { performance } from 'node:perf_hooks'
import { createTestDatabase } from '@auction/common/testing/database.ts'
import pg from 'pg'
import type { Search } from '#src/domain/search.ts'
import { createDatabase } from '#src/infra/postgres/database.ts'
import { auctionMigrations } from '#src/infra/postgres/migrations.ts'
import { countFacets, searchItems } from '#src/infra/postgres/search.ts'

const items = Number(process.argv[2] ?? 100_000)
const rounds = Number(process.argv[3] ?? 40)
const steps: (() => unknown)[] = []
const { config, pool } = await createTestDatabase(
  { teardown: (step) => steps.unshift(step) },
  auctionMigrations,
)
const db = createDatabase(pool)

// The pool's limits are for requests; filling takes minutes.
const filler = new pg.Client({
  host: config.POSTGRES_HOST,
  port: config.POSTGRES_PORT,
  user: config.POSTGRES_USERNAME,
  password: config.POSTGRES_PASSWORD,
  database: config.POSTGRES_DATABASE,
})
await filler.connect()
await filler.query(
  `insert into categories (id, name) select gen_random_uuid(), 'c' || n from generate_series(1, 40) n`,
)
const words = [
  'brass',
  'silver',
  'oak',
  'lamp',
  'clock',
  'vase',
  'map',
  'coin',
  'ring',
  'chair',
  'print',
  'watch',
]
await filler.query(
  `with words as (select $2::text[] as w), cats as (select array_agg(id) as ids from categories)
   insert into items (id, seller_id, name, description, currency_code, start_price, start_date,
     original_end_date, end_date, current_price, reserve_met, buy_now_available, status, published_at,
     terms_version, category_ids, bid_count)
   select gen_random_uuid(), gen_random_uuid(),
     w[1 + n % 12] || ' ' || w[1 + (n / 12) % 12] || ' number' || n % 5000,
     'A ' || w[1 + (n / 7) % 12] || ' from ' || 1700 + n % 300, 'USD', 1000, now(), now() + interval '3 days',
     now() + (n % 4320) * interval '1 minute', 1000 + (n * 7919) % 100000, true, n % 5 = 0, 'active',
     now() - n * interval '1 second', 1, array[ids[1 + n % 40]], n % 30
   from generate_series(1, $1::int) n, words, cats`,
  [items, words],
)
await filler.query(
  `insert into item_attributes (id, item_id, key, value, number)
   select gen_random_uuid(), id, 'width', (bid_count)::text, bid_count from items`,
)
await filler.query('vacuum analyze')
await filler.end()
const { rows } = await pool.query<{ id: string }>('select id from categories limit 1')

const all: Search = {
  text: undefined,
  categoryIds: undefined,
  statuses: ['scheduled', 'active'],
  type: undefined,
  sellerId: undefined,
  currencyCode: undefined,
  minPrice: undefined,
  maxPrice: undefined,
  endingWithinMinutes: undefined,
  hasBuyNow: undefined,
  attributes: [],
  sort: 'ending',
}
const kinds: Record<string, Search> = {
  everything: all,
  'one word': { ...all, text: 'brass', sort: 'relevance' },
  'two words': { ...all, text: 'silver clock', sort: 'relevance' },
  'a rare word': { ...all, text: 'number4711', sort: 'relevance' },
  'word and price': {
    ...all,
    text: 'lamp',
    currencyCode: 'USD',
    minPrice: 2_000n,
    maxPrice: 9_000n,
    sort: 'price',
  },
  category: { ...all, categoryIds: [rows[0]?.id ?? ''], sort: 'newest' },
  'category and width': {
    ...all,
    categoryIds: [rows[0]?.id ?? ''],
    attributes: [{ key: 'width', values: [], range: { from: '3', to: '5' } }],
  },
  'price range': { ...all, currencyCode: 'USD', minPrice: 5_000n, maxPrice: 6_000n, sort: 'price' },
}
for (const [name, search] of Object.entries(kinds)) {
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const startedMs = performance.now()
    await Promise.all([
      searchItems(db, search, 'words', { limit: 20, after: undefined }),
      countFacets(db, search, 'words'),
    ])
    times.push(performance.now() - startedMs)
  }
  print(name, times)
}
const typos: number[] = []
for (let round = 0; round < rounds; round += 1) {
  const startedMs = performance.now()
  const search: Search = { ...all, text: 'silvr clok', sort: 'relevance' }
  await searchItems(db, search, 'similar', { limit: 20, after: undefined })
  typos.push(performance.now() - startedMs)
}
print('wrong letters', typos)
for (const step of steps) await step()

function print(name: string, times: number[]): void {
  times.sort((a, b) => a - b)
  const at = (share: number) => (times[Math.floor((times.length - 1) * share)] ?? 0).toFixed(1)
  console.log(`${name.padEnd(20)} median ${at(0.5)} ms, p95 ${at(0.95)} ms`)
}
