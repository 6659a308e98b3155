import { CONTENT_FIELDS, type ContentField, EXTENSION_MODES, ITEM_TYPES } from './item.ts'
import type { ListingInput } from './listing.ts'

/** Columns of an export that a file may have and an import does not read. */
const EXPORT_ONLY_COLUMNS = [
  'currentPrice',
  'bidCount',
  'endPrice',
  'currentEndDate',
  'createdAt',
] as const

/** The columns of an export, in their order. */
export const EXPORT_COLUMNS = ['id', 'status', ...CONTENT_FIELDS, ...EXPORT_ONLY_COLUMNS] as const

const REQUIRED = new Set<string>(['name', 'currencyCode', 'startPrice', 'startDate', 'endDate'])
/** The columns that there are, and blank ones that a spreadsheet left. */
const COLUMNS_MAX = 200
const TEXTS: ReadonlySet<string> = new Set<ContentField>(['name', 'description'])
const AMOUNTS: ReadonlySet<string> = new Set<ContentField>([
  'startPrice',
  'bidIncrement',
  'reservePrice',
  'buyoutPrice',
  'depositAmount',
])
const CHOICES: Partial<Record<ContentField, readonly string[]>> = {
  type: ITEM_TYPES,
  extensionMode: EXTENSION_MODES,
}
const WHOLE_NUMBERS: Partial<Record<ContentField, number>> = {
  buyoutReservationMinutes: 1_440,
  depositPercent: 100,
  extensionThresholdMinutes: 1_440,
  extensionDurationMinutes: 1_440,
  maxExtensionMinutes: 10_080,
  maxExtensions: 10_000,
}
const INSTANT = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/
const WITHOUT_ZONE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?$/

/** A column of a file. Those that only exports have are not read; one without a name must be empty. */
export interface Column {
  readonly name: string
  readonly field: ContentField | undefined
}

/** What is wrong with a header: the column, counted from 1, and a stable reason. */
export interface HeaderProblem {
  column: number
  field: string
  reason: 'unknown' | 'repeated' | 'missing' | 'too_many_columns'
}

/** The column that a cell of a header names; capitals and blanks around it do not matter. */
export function columnOf(cell: string): Column | undefined {
  const wanted = cell.trim().toLowerCase()
  if (wanted === '') return { name: '', field: undefined }
  const name = EXPORT_COLUMNS.find((known) => known.toLowerCase() === wanted)
  if (name === undefined) return undefined
  return { name, field: CONTENT_FIELDS.find((field) => field === name) }
}

/** Columns come in any order; each once, none that is not known, and the required ones all. */
export function readHeader(
  header: readonly string[],
): { columns: Column[] } | { problem: HeaderProblem } {
  const columns: Column[] = []
  for (const [index, cell] of header.entries()) {
    const column = columnOf(cell)
    const at = { column: index + 1, field: cell.slice(0, 100) }
    if (index >= COLUMNS_MAX) return { problem: { ...at, reason: 'too_many_columns' } }
    if (column === undefined) return { problem: { ...at, reason: 'unknown' } }
    const isRepeated = column.name !== '' && columns.some(({ name }) => name === column.name)
    if (isRepeated) return { problem: { ...at, reason: 'repeated' } }
    columns.push(column)
  }
  const missing = [...REQUIRED].find((field) => columns.every(({ name }) => name !== field))
  if (missing === undefined) return { columns }
  return { problem: { column: header.length + 1, field: missing, reason: 'missing' } }
}

export interface CellProblem {
  /** Counted from 1. */
  column: number
  field: string
  reason: string
}

/** A row of which a spreadsheet shows nothing. */
export function isBlankRow(cells: readonly string[]): boolean {
  return cells.every((cell) => cell.trim() === '')
}

/**
 * One row as a seller's input, or what is wrong with its cells. An empty cell is none, and so is one that
 * is not there behind the last: some spreadsheets leave empty cells at the end of a row out.
 */
export function readRow(
  columns: readonly Column[],
  cells: readonly string[],
): { input: ListingInput } | { problems: CellProblem[] } {
  const lacking = columns.slice(cells.length).some(({ name }) => REQUIRED.has(name))
  const isSurplus = !isBlankRow(cells.slice(columns.length))
  if (lacking || isSurplus) {
    const index = Math.min(cells.length, columns.length)
    const field = columns[index]?.name ?? ''
    return { problems: [{ column: index + 1, field, reason: 'number_of_cells' }] }
  }
  const problems: CellProblem[] = []
  const values: Partial<Record<ContentField, string | number>> = {}
  for (const [index, { name, field }] of columns.entries()) {
    const at = { column: index + 1, field: name }
    const cell = cells[index] ?? ''
    if (field === undefined) {
      if (name === '' && cell.trim() !== '') problems.push({ ...at, reason: 'no_column_name' })
      continue
    }
    const text = readCell(field, cell)
    if (text === '') {
      if (REQUIRED.has(field)) problems.push({ ...at, reason: 'empty' })
      continue
    }
    const reason = cellProblem(field, text)
    if (reason !== undefined) problems.push({ ...at, reason })
    else values[field] = WHOLE_NUMBERS[field] === undefined ? text : Number(text)
  }
  // Every required cell is there and every other one has the form that its field asks for.
  return problems.length > 0 ? { problems } : { input: values as unknown as ListingInput }
}

/** Texts stay as they are. Blanks around anything else come with pasting, and mean nothing. */
function readCell(field: ContentField, cell: string): string {
  if (TEXTS.has(field)) return cell
  const text = cell.trim()
  return AMOUNTS.has(field) ? withDecimalPoint(text) : text
}

/**
 * An amount with a decimal comma, as spreadsheets of most of Europe write it. Three digits behind a comma may
 * be thousands, so such an amount stays as it is and is refused.
 */
function withDecimalPoint(text: string): string {
  return text.replace(/^(\d+),(\d{1,2}|\d{4})$|^(0),(\d{3})$/, '$1$3.$2$4')
}

function cellProblem(field: ContentField, text: string): string | undefined {
  const choices = CHOICES[field]
  if (choices !== undefined) return choices.includes(text) ? undefined : 'not_a_choice'
  const max = WHOLE_NUMBERS[field]
  if (max !== undefined) {
    return /^\d{1,5}$/.test(text) && Number(text) <= max ? undefined : 'not_a_whole_number_in_range'
  }
  if (field === 'startDate' || field === 'endDate') {
    if (isInstant(text)) return undefined
    return WITHOUT_ZONE.test(text) ? 'no_time_zone' : 'not_an_instant'
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
