import { Amount, CurrencyCode, Uuid } from '@auction/common/http/schemas.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { readOptionalText } from '@auction/common/text.ts'
import type { Kysely } from 'kysely'
import { type Static, type TProperties, Type } from 'typebox'
import { subtreeOf } from '#src/domain/category.ts'
import { ITEM_TYPES, PUBLIC_STATUSES } from '#src/domain/item.ts'
import {
  readAttributeFilters,
  readPrice,
  SEARCHED,
  type Search,
  SORTS,
} from '#src/domain/search.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { searchErrors } from '#src/errors.ts'
import { readCategories } from '#src/infra/postgres/catalogue/categories.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const optional = Type.Optional
const AttributeText = WrittenText(TEXTS.attributeFilter)
const literals = <T extends string>(values: readonly T[]) =>
  Type.Union(values.map((value) => Type.Literal(value)))

/** What can be looked for, in a query and in a saved search alike. */
export const filterFields = {
  q: optional(WrittenText(TEXTS.searchText, { about: 'Words, "phrases", -not, this or that' })),
  category: optional(Uuid),
  status: optional(literals(PUBLIC_STATUSES)),
  type: optional(literals(ITEM_TYPES)),
  seller: optional(Uuid),
  currencyCode: optional(CurrencyCode),
  minPrice: optional(Amount),
  maxPrice: optional(Amount),
  endingWithinMinutes: optional(Type.Integer({ minimum: 1, maximum: 43_200 })),
  buyNow: optional(Type.Boolean()),
  attribute: optional(
    Type.Union([AttributeText, Type.Array(AttributeText, { maxItems: 10 })], {
      description: 'key:value or key:from..to; repeat it for more',
    }),
  ),
  sort: optional(literals(SORTS)),
} satisfies TProperties

// A saved search is matched when an item comes up: it is scheduled or active then, and ends later.
const { endingWithinMinutes: _, ...lasting } = filterFields
export const savedFields = { ...lasting, status: optional(literals(['scheduled', 'active'])) }

const Filters = Type.Object(filterFields)
export type Filters = Static<typeof Filters>

/** Reads filters; throws the error that names the wrong one. */
export async function readSearch(db: Kysely<Database>, filters: Filters): Promise<Search> {
  const { q, currencyCode, status, type, seller, sort } = filters
  const text = q === undefined ? '' : readQuery(q)
  const attributes = readAttributeFilters(
    filters.attribute === undefined ? [] : [filters.attribute].flat(),
  )
  if (attributes === undefined) throw searchErrors.invalid({ field: 'attribute' })
  const price = (field: 'minPrice' | 'maxPrice') => {
    const read = readPrice(filters[field], currencyCode)
    if (!read.ok) throw searchErrors.invalid({ field, reason: read.reason })
    return read.minor
  }
  if ((sort === 'price' || sort === '-price') && currencyCode === undefined) {
    throw searchErrors.invalid({ field: 'sort', reason: 'needs_currency' })
  }
  const hasText = text !== ''
  const isRelevance = sort === undefined || sort === 'relevance'
  return {
    text: hasText ? text : undefined,
    categoryIds: await readSubtree(db, filters.category),
    statuses: status === undefined ? SEARCHED : [status],
    type,
    sellerId: seller,
    currencyCode,
    minPrice: price('minPrice'),
    maxPrice: price('maxPrice'),
    endingWithinMinutes: filters.endingWithinMinutes,
    hasBuyNow: filters.buyNow,
    attributes,
    // Without words all items are equally relevant.
    sort: isRelevance ? (hasText ? 'relevance' : 'ending') : sort,
  }
}

// More than anyone means; each costs.
const DASHES_MAX = 64
// They come along when a text is pasted, and change nothing about its words.
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** The words as they are looked for; empty when there is nothing to see. Throws item.search.invalid naming `q`. */
export function readQuery(given: string): string {
  const read = readOptionalText(given.replaceAll(DIRECTIONS, ''), TEXTS.searchText)
  if (!read.ok) {
    const reason = read.reason === 'too_long' ? 'too_long' : 'not_printable'
    throw searchErrors.invalid({ field: 'q', reason })
  }
  // Pasted blanks that do not break, and those of other scripts, part words as any blank does, which the database
  // does not know. Several dashes mean the same as one.
  const text = read.text.replaceAll(/\s/g, ' ').replaceAll(/-(?: *-)+/g, '-')
  if ((text.match(/-/g)?.length ?? 0) > DASHES_MAX) {
    throw searchErrors.invalid({ field: 'q', reason: 'too_complex' })
  }
  return text
}

async function readSubtree(
  db: Kysely<Database>,
  id: string | undefined,
): Promise<string[] | undefined> {
  if (id === undefined) return undefined
  const ids = subtreeOf(await readCategories(db), id)
  if (ids.length === 0) throw searchErrors.invalid({ field: 'category', reason: 'not_found' })
  return ids
}
