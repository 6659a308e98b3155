import { readClock } from '@auction/common/postgres/clock.ts'
import type { Kysely } from 'kysely'
import type { Item } from '#src/domain/item.ts'
import type { Search } from '#src/domain/search.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { type Facets, searchAndCount, searchItems } from '#src/infra/postgres/search/search.ts'
import type { MatchMode } from '#src/infra/postgres/search/search-query.ts'

export interface SearchResult {
  items: Item[]
  /** Ids of those that only look like the words. */
  similar: string[]
  facets: Facets | undefined
  matching: MatchMode
  next: (string | number)[] | undefined
  now: Date
}

/** A text with phrases or exclusions is meant literally: no similar words are tried. */
const OPERATORS = /["“”„‟«»＂]|(^|\s)-|\S\s+or\s+\S/i

/** With fewer items than these that have the words, those that look like them are found as well. */
const FEW = 10

/**
 * Finds items. When few items have the words as they are spelt, items with similar names are found as
 * well, after them in the order of relevance; later pages use the mode of the first page.
 */
export async function search(
  db: Kysely<Database>,
  wanted: Search,
  page: { limit: number; after: (string | number)[] | undefined; withFacets: boolean },
): Promise<SearchResult> {
  const [matching, ...position] = page.after ?? ['words']
  const after = page.after === undefined ? undefined : position
  const isFirst = after === undefined
  const { limit, withFacets } = page
  const find = async (used: MatchMode) =>
    withFacets
      ? await searchAndCount(db, wanted, used, { limit, after })
      : ([await searchItems(db, wanted, used, { limit, after }), undefined] as const)
  let used = matching as MatchMode
  let [found, facets] = await find(used)
  const isPlain = wanted.text !== undefined && !OPERATORS.test(wanted.text)
  const count = found.items.length
  if (isFirst && count < Math.min(FEW, page.limit) && isPlain) {
    used = count === 0 ? 'similar' : 'both'
    ;[found, facets] = await find(used)
  }
  return {
    items: found.items,
    similar: found.similar,
    facets,
    matching: used,
    next: found.last === undefined ? undefined : [used, ...found.last],
    now: found.now ?? (await readClock(db)),
  }
}
