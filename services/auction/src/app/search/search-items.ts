import { readClock } from '@auction/common/postgres/clock.ts'
import type { Kysely } from 'kysely'
import type { Item } from '#src/domain/item.ts'
import type { Search } from '#src/domain/search.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { countFacets, type Facets, searchItems } from '#src/infra/postgres/search/search.ts'
import type { MatchMode } from '#src/infra/postgres/search/search-query.ts'

export interface SearchResult {
  items: Item[]
  facets: Facets | undefined
  matching: MatchMode
  next: (string | number)[] | undefined
  now: Date
}

/** Whoever writes phrases or exclusions means exactly what they say. */
const OPERATORS = /"|(^|\s)-|\bor\b/i

/**
 * Finds items. When no item has the words as they are spelt, names that look like them are found
 * instead; the pages after the first stay with what the first one did.
 */
export async function search(
  db: Kysely<Database>,
  wanted: Search,
  page: { limit: number; after: (string | number)[] | undefined; withFacets: boolean },
): Promise<SearchResult> {
  const [matching, ...position] = page.after ?? ['words']
  const after = page.after === undefined ? undefined : position
  const isFirst = after === undefined
  const find = (used: MatchMode) =>
    Promise.all([
      searchItems(db, wanted, used, { limit: page.limit, after }),
      // Beside the page and not after it; both are short, and somebody waits for the slower one.
      page.withFacets ? countFacets(db, wanted, used) : undefined,
    ])
  let used = matching as MatchMode
  let [found, facets] = await find(used)
  const isPlain = wanted.text !== undefined && !OPERATORS.test(wanted.text)
  if (isFirst && found.items.length === 0 && isPlain) {
    used = 'similar'
    ;[found, facets] = await find(used)
  }
  return {
    items: found.items,
    facets,
    matching: used,
    next: found.last === undefined ? undefined : [used, ...found.last],
    now: found.now ?? (await readClock(db)),
  }
}
