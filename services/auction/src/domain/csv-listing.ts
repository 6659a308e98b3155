import { CONTENT_FIELDS, type ContentField, EXTENSION_MODES, ITEM_TYPES } from './item.ts'
import type { ListingInput } from './listing.ts'

const REQUIRED = new Set<string>(['name', 'currencyCode', 'startPrice', 'startDate', 'endDate'])
const CHOICES: Partial<Record<ContentField, readonly string[]>> = {
  type: ITEM_TYPES,
  extensionMode: EXTENSION_MODES,
}
const WHOLE_NUMBERS: Partial<Record<ContentField, number>> = {
  extensionThresholdMinutes: 1_440,
  extensionDurationMinutes: 1_440,
  maxExtensionMinutes: 10_080,
  maxExtensions: 10_000,
}
const INSTANT = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/

/** What is wrong with a header: the column, counted from 1, and a stable reason. */
export interface HeaderProblem {
  column: number
  field: string
  reason: 'unknown' | 'repeated' | 'missing'
}

/** Columns come in any order; each once, none that is not known, and the required ones all. */
export function judgeHeader(header: readonly string[]): HeaderProblem | undefined {
  const known: readonly string[] = CONTENT_FIELDS
  for (const [index, field] of header.entries()) {
    const at = { column: index + 1, field: field.slice(0, 100) }
    if (!known.includes(field)) return { ...at, reason: 'unknown' }
    if (header.indexOf(field) !== index) return { ...at, reason: 'repeated' }
  }
  const missing = [...REQUIRED].find((field) => !header.includes(field))
  if (missing === undefined) return undefined
  return { column: header.length + 1, field: missing, reason: 'missing' }
}

export interface CellProblem {
  field: ContentField
  reason: string
}

/** One row as a seller's input, or what is wrong with its cells. An empty cell is none. */
export function readRow(
  header: readonly ContentField[],
  cells: readonly string[],
): { input: ListingInput } | { problems: CellProblem[] } {
  const problems: CellProblem[] = []
  const values: Partial<Record<ContentField, string | number>> = {}
  for (const [index, field] of header.entries()) {
    const text = cells[index] ?? ''
    if (text === '') {
      if (REQUIRED.has(field)) problems.push({ field, reason: 'empty' })
      continue
    }
    const reason = cellProblem(field, text)
    if (reason !== undefined) problems.push({ field, reason })
    else values[field] = WHOLE_NUMBERS[field] === undefined ? text : Number(text)
  }
  // Every required cell is there and every other one has the form that its field asks for.
  return problems.length > 0 ? { problems } : { input: values as unknown as ListingInput }
}

function cellProblem(field: ContentField, text: string): string | undefined {
  const choices = CHOICES[field]
  if (choices !== undefined) return choices.includes(text) ? undefined : 'not_a_choice'
  const max = WHOLE_NUMBERS[field]
  if (max !== undefined) {
    return /^\d{1,5}$/.test(text) && Number(text) <= max ? undefined : 'not_a_whole_number_in_range'
  }
  if (field === 'startDate' || field === 'endDate') {
    return isInstant(text) ? undefined : 'not_an_instant'
  }
  return undefined
}

/** JavaScript takes the 30th of February for the 2nd of March; a seller would not. */
function isInstant(text: string): boolean {
  const day = INSTANT.exec(text)?.[1]
  if (day === undefined || Number.isNaN(Date.parse(text))) return false
  const midnight = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day)
}
