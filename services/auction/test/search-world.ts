import { randomUUID } from 'node:crypto'
import type { TestDatabase } from '@auction/common/testing/database.ts'
import pg from 'pg'

export interface SearchWorld {
  /** The word of a rank; the first are in most texts, the last in hardly any. */
  word(rank: number): string
  /** Top of the tree, and one leaf below each. */
  categories: { id: string; leaf: string }[]
  sellers: string[]
}

const WORDS = 5_000
const BATCH = 5_000
const TOPS = 12
const LEAVES = 8
const COLOURS = ['black', 'white', 'red', 'blue', 'green', 'brown', 'yellow', 'grey']
const SYLLABLES =
  'ba ber bo can car cel co cor dan del do dra en er fa fen fi gar gel go gra ha her in ka kel ko la lan len lo ma mar men mi mo na ner no or pa pel per po ra ren ri ro sa sel sta ta ter ti tor va ver vi wal wen za zel'.split(
    ' ',
  )

/**
 * Fills the tables with items whose words are spread as in a language: each rank half as frequent as
 * the one of half its number. The same each time but for the ids.
 */
export async function fillSearchWorld(
  { config }: Pick<TestDatabase, 'config'>,
  count: number,
): Promise<SearchWorld> {
  const random = createRandom(1_907)
  const words = vocabulary(random)
  const pick = () => words[Math.floor(WORDS ** random()) - 1] ?? ''
  const text = (length: number) => Array.from({ length }, pick).join(' ')
  const sellers = Array.from({ length: Math.max(10, count / 100) }, () => randomUUID())
  // The pool's limits are for requests; filling takes longer.
  const client = new pg.Client({
    host: config.POSTGRES_HOST,
    port: config.POSTGRES_PORT,
    user: config.POSTGRES_USERNAME,
    password: config.POSTGRES_PASSWORD,
    database: config.POSTGRES_DATABASE,
  })
  await client.connect()
  const categories = await insertCategories(client)
  const leaves = categories.flatMap(({ leaves }) => leaves)
  try {
    // Documents are made once at the end instead of for every attribute.
    await client.query('set session_replication_role = replica')
    for (let at = 0; at < count; at += BATCH) {
      const items = Array.from({ length: Math.min(BATCH, count - at) }, (_, index) => ({
        id: randomUUID(),
        seller_id: sellers[Math.floor(sellers.length * random() ** 2)],
        name: text(3 + Math.floor(random() * 4)),
        description: text(20 + Math.floor(random() * 40)),
        currency_code: random() < 0.8 ? 'USD' : 'EUR',
        price: Math.floor(100 * 10 ** (random() * 4)),
        minutes: Math.floor(random() * 10_080),
        age: at + index,
        bid_count: Math.floor(30 * random() ** 3),
        buy_now: random() < 0.2,
        status: random() < 0.6 ? 'active' : random() < 0.25 ? 'scheduled' : 'expired',
        category: leaves[Math.floor(leaves.length * random() ** 1.5)],
        colour: COLOURS[Math.floor(COLOURS.length * random() ** 2)],
        width: Math.floor(1 + random() * 200),
        maker: pick(),
      }))
      await client.query(INSERT_ITEMS, [JSON.stringify(items)])
    }
    await withoutSearchIndexes(client, () => client.query('select index_item(id) from items'))
    await client.query(`insert into item_ranking (item_id, currency_code, current_price, bid_count)
      select id, currency_code, current_price, bid_count from items
       where status in ('scheduled', 'active')`)
    await client.query('vacuum analyze')
  } finally {
    await client.end()
  }
  return {
    word: (rank) => words[rank - 1] ?? '',
    categories: categories.map(({ id, leaves: [leaf = ''] }) => ({ id, leaf })),
    sellers,
  }
}

const INSERT_ITEMS = `
  with raw as (select * from jsonb_to_recordset($1::jsonb) as item (
    id uuid, seller_id uuid, name text, description text, currency_code text, price bigint,
    minutes int, age int, bid_count int, buy_now boolean, status text, category uuid,
    colour text, width int, maker text)),
  listed as (
    insert into items (id, seller_id, name, description, currency_code, start_price, start_date,
      original_end_date, end_date, current_price, reserve_met, buy_now_available, status,
      published_at, terms_version, terms_applied_version, category_ids, bid_count)
    select id, seller_id, name, description, currency_code, price,
      case when status = 'scheduled' then now() + interval '1 day' else now() - interval '30 days' end,
      now() + interval '30 days',
      now() + (case when status = 'expired' then -minutes else minutes end) * interval '1 minute',
      price, true, buy_now, status, now() - age * interval '7 seconds', 1, 1, array[category],
      bid_count
    from raw)
  insert into item_attributes (id, item_id, key, value, number)
  select gen_random_uuid(), id, key, value, number
  from raw, lateral (values ('colour', colour, null), ('width', width::text, width::numeric),
    ('maker', maker, null)) as attribute (key, value, number)`

/** An index that is built at once takes a fraction of the time of one that grows by a million documents. */
async function withoutSearchIndexes(
  client: pg.Client,
  work: () => Promise<unknown>,
): Promise<void> {
  const { rows } = await client.query<{ indexname: string; indexdef: string }>(
    `select indexname, indexdef from pg_indexes where tablename = 'item_search' and indexdef like '%USING gin%'`,
  )
  await client.query(`set maintenance_work_mem = '1GB'`)
  for (const { indexname } of rows) await client.query(`drop index ${indexname}`)
  await work()
  for (const { indexdef } of rows) await client.query(indexdef)
}

async function insertCategories(client: pg.Client): Promise<{ id: string; leaves: string[] }[]> {
  const tops = Array.from({ length: TOPS }, () => ({
    id: randomUUID(),
    leaves: Array.from({ length: LEAVES }, () => randomUUID()),
  }))
  const rows = tops.flatMap(({ id, leaves }, index) => [
    { id, parent_id: null, name: `Group ${index}` },
    ...leaves.map((leaf, at) => ({ id: leaf, parent_id: id, name: `Kind ${at}` })),
  ])
  await client.query(
    `insert into categories (id, parent_id, name)
     select * from jsonb_to_recordset($1::jsonb) as row (id uuid, parent_id uuid, name text)`,
    [JSON.stringify(rows)],
  )
  return tops
}

function vocabulary(random: () => number): string[] {
  const words = new Set<string>()
  while (words.size < WORDS) {
    const length = 2 + Math.floor(random() * 2.5)
    const syllables = Array.from(
      { length },
      () => SYLLABLES[Math.floor(random() * SYLLABLES.length)],
    )
    words.add(syllables.join(''))
  }
  return [...words]
}

/** Numbers that look random and are the same in every run. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
