import { Amount, CurrencyCode, Uuid } from '@auction/common/http/schemas.ts'
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
import { searchErrors } from '#src/errors.ts'
import { readCategories } from '#src/infra/postgres/catalogue/categories.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const optional = Type.Optional
const AttributeText = Type.String({ minLength: 3, maxLength: 560 })
const literals = <T extends string>(values: readonly T[]) =>
  Type.Union(values.map((value) => Type.Literal(value)))

/** What can be looked for, in a query and in a saved search alike. */
export const filterFields = {
  q: optional(Type.String({ minLength: 1, maxLength: 200, description: 'Words, "phrases", -not' })),
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
  // Several dashes mean the same as one.
  const text = q
    ?.normalize('NFC')
    .replaceAll(/-(?:\s*-)+/g, '-')
    .trim()
  if (text?.includes('\0') || text?.isWellFormed() === false) {
    throw searchErrors.invalid({ field: 'q', reason: 'not_printable' })
  }
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
  const hasText = text !== undefined && text !== ''
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

/** PostgreSQL reads only some dozens of operators; a text with more is refused. */
export async function refuseTooComplex<T>(asked: Promise<T>): Promise<T> {
  return asked.catch((error: unknown) => {
    if (error instanceof Error && /tsquery stack/.test(error.message)) {
      throw searchErrors.invalid({ field: 'q', reason: 'too_complex' })
    }
    throw error
  })
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
