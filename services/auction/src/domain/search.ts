import { parseAmount } from '@auction/common/money.ts'
import { NUMBER } from './category.ts'
import type { ItemStatus, ItemType } from './item.ts'
import { TEXTS, writtenText } from './texts.ts'

export const SORTS = ['relevance', 'ending', 'newest', 'price', '-price', '-bids'] as const
export type Sort = (typeof SORTS)[number]

/** Statuses that are searched when the query names none: items that can be bid on now or soon. */
export const SEARCHED: readonly ItemStatus[] = ['scheduled', 'active']

export interface AttributeFilter {
  key: string
  /** One of these values, or a number in this range. */
  values: readonly string[]
  range: { from: string | null; to: string | null } | null
}

/** What to look for. */
export interface Search {
  text: string | undefined
  categoryIds: readonly string[] | undefined
  statuses: readonly ItemStatus[]
  type: ItemType | undefined
  sellerId: string | undefined
  currencyCode: string | undefined
  minPrice: bigint | undefined
  maxPrice: bigint | undefined
  endingWithinMinutes: number | undefined
  hasBuyNow: boolean | undefined
  attributes: readonly AttributeFilter[]
  sort: Sort
}

const BY_BIDS: readonly Sort[] = ['price', '-price', '-bids']

/** Whether a search of open items filters or sorts by what bids change. */
export function isByBids({ statuses, minPrice, maxPrice, sort }: Search): boolean {
  const isOpen = statuses.every((status) => SEARCHED.includes(status))
  return isOpen && ((minPrice ?? maxPrice) !== undefined || BY_BIDS.includes(sort))
}

const ATTRIBUTE = /^([a-z][a-z0-9_]{0,39}):(.+)$/su
const RANGE = /^(-?\d{1,15}(?:\.\d{1,6})?)?\.\.(-?\d{1,15}(?:\.\d{1,6})?)?$/

/**
 * Reads filters such as `colour:red` and `width:10..20`; two of one key mean either value. Undefined
 * when one is not of that form.
 */
export function readAttributeFilters(texts: readonly string[]): AttributeFilter[] | undefined {
  const filters = new Map<string, AttributeFilter>()
  for (const text of texts) {
    const [, key, given] = ATTRIBUTE.exec(text) ?? []
    if (key === undefined || given === undefined) return undefined
    // As values are stored, so that one can equal the other.
    const value = writtenText(given, TEXTS.attributeValue)
    if (value === undefined) return undefined
    const range = readRange(value)
    const known = filters.get(key)
    if (known !== undefined && (range !== null || known.range !== null)) return undefined
    filters.set(key, {
      key,
      values: range === null ? [...(known?.values ?? []), value] : [],
      range,
    })
  }
  return [...filters.values()]
}

/** Those of the values that are numbers: 20 is looked for as 20.0 is, in attributes that are numbers. */
export function numbersAmong(values: readonly string[]): string[] {
  return values.filter((value) => NUMBER.test(value))
}

function readRange(value: string): AttributeFilter['range'] {
  const match = RANGE.exec(value)
  if (match === null || value === '..') return null
  return { from: match[1] ?? null, to: match[2] ?? null }
}

export type ReadPrice = { ok: true; minor: bigint | undefined } | { ok: false; reason: string }

/** A price to filter by; amounts of different currencies are never compared. */
export function readPrice(text: string | undefined, currencyCode: string | undefined): ReadPrice {
  if (text === undefined) return { ok: true, minor: undefined }
  if (currencyCode === undefined) return { ok: false, reason: 'needs_currency' }
  // No price is zero, but a range may begin there.
  if (/^0+(\.0+)?$/.test(text)) return { ok: true, minor: 0n }
  return parseAmount(text, currencyCode)
}

/** Saved searches of one user. */
export const SAVED_MAX = 50

/** The name of a saved search; undefined when it is not valid. */
export function readSavedName(text: string): string | undefined {
  return writtenText(text, TEXTS.savedSearchName)
}
