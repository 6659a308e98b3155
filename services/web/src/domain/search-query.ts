import { trimText } from '@auction/common/text.ts'
import { readAmount } from './amount.ts'
import type { Locale } from './locale.ts'
import { TEXT_LENGTHS_MAX } from './text-lengths.ts'

export const SEARCH_STATUSES = ['active', 'scheduled', 'sold', 'expired'] as const
export const SEARCH_SORTS = ['relevance', 'ending', 'newest', 'price', '-price', '-bids'] as const
export const ENDING_MINUTES = { hour: 60, day: 1_440, week: 10_080 } as const

/** The filters of a search as its address has them; all are text that anyone can have written. */
export interface SearchQuery {
  q: string
  category: string
  seller: string
  status: string
  buyNow: string
  minPrice: string
  maxPrice: string
  currencyCode: string
  ending: string
  sort: string
  cursor: string
}

const NAMES = [
  'q',
  'category',
  'seller',
  'status',
  'buyNow',
  'minPrice',
  'maxPrice',
  'currencyCode',
  'ending',
  'sort',
  'cursor',
] as const satisfies readonly (keyof SearchQuery)[]

/** Of what is no text of people; their words are judged, never cut. */
const LENGTH_MAX = 400
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

const oneOf = (text: string, known: readonly string[]) => (known.includes(text) ? text : '')

/** Reads an address. What it does not know it leaves out: an old link must find something. */
export function readSearchQuery(query: unknown): SearchQuery {
  const given = (query ?? {}) as Record<string, unknown>
  const read = Object.fromEntries(
    NAMES.map((name) => {
      const value = given[name]
      const text = typeof value === 'string' ? trimText(value) : ''
      return [name, name === 'q' ? text : text.slice(0, LENGTH_MAX)]
    }),
  ) as unknown as SearchQuery
  return {
    ...read,
    category: UUID.test(read.category) ? read.category : '',
    seller: UUID.test(read.seller) ? read.seller : '',
    status: oneOf(read.status, SEARCH_STATUSES),
    buyNow: read.buyNow === 'yes' ? 'yes' : '',
    currencyCode: /^[A-Z]{3}$/.test(read.currencyCode) ? read.currencyCode : '',
    ending: oneOf(read.ending, Object.keys(ENDING_MINUTES)),
    sort: oneOf(read.sort, SEARCH_SORTS),
  }
}

export type SearchProblem = {
  field: string
  reason: 'not_an_amount' | 'ambiguous' | 'needs_currency' | 'too_long'
}

/** The same for the API, and what of it cannot be asked. */
export function toApiQuery(
  query: SearchQuery,
  locale: Locale,
): { parameters: Record<string, string>; problems: SearchProblem[] } {
  const problems: SearchProblem[] = []
  if (query.q.length > TEXT_LENGTHS_MAX['search.text']) {
    problems.push({ field: 'q', reason: 'too_long' })
  }
  const price = (field: 'minPrice' | 'maxPrice') => {
    const read = readAmount(query[field], locale)
    if (read.ok) return read.amount
    if (read.reason !== 'missing') problems.push({ field, reason: read.reason })
    return ''
  }
  const [minPrice, maxPrice] = [price('minPrice'), price('maxPrice')]
  const isByPrice = query.sort === 'price' || query.sort === '-price'
  if ((minPrice !== '' || maxPrice !== '' || isByPrice) && query.currencyCode === '') {
    problems.push({ field: 'currencyCode', reason: 'needs_currency' })
  }
  const ending = query.ending as keyof typeof ENDING_MINUTES | ''
  const parameters = {
    q: query.q,
    category: query.category,
    seller: query.seller,
    status: query.status,
    buyNow: query.buyNow === 'yes' ? 'true' : '',
    minPrice,
    maxPrice,
    currencyCode: query.currencyCode,
    endingWithinMinutes: ending === '' ? '' : String(ENDING_MINUTES[ending]),
    sort: query.sort,
  }
  return { parameters: filled(parameters), problems }
}

/** The address of a search, with some of it changed; another search begins at its first page. */
export function searchPath(query: SearchQuery, changes: Partial<SearchQuery> = {}): string {
  const { cursor: _, ...rest } = query
  const parameters = new URLSearchParams(filled({ ...rest, ...changes }))
  return parameters.size === 0 ? '/search' : `/search?${parameters}`
}

const filled = (values: object): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== ''),
  )
