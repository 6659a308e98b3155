import { unguardFormula } from '@auction/common/csv/formula-guard.ts'
import {
  type CsvFormat,
  csvFormat,
  DELIMITERS,
  type DelimiterName,
} from '#src/domain/csv-format.ts'
import {
  type CellProblem,
  type Column,
  columnOf,
  isBlankRow,
  readHeader,
  readRow,
} from '#src/domain/csv-listing.ts'
import type { ItemContent } from '#src/domain/item.ts'
import {
  type ListingLimits,
  listingProblem,
  readListing,
  startProblem,
} from '#src/domain/listing.ts'
import { decodeText } from '#src/domain/text-encoding.ts'
import { importErrors } from '#src/errors.ts'
import { type CsvRecord, CsvSyntaxError, csvRecords } from './csv-records.ts'

export const ROWS_MAX = 10_000
export const ERRORS_MAX = 100

/** What is wrong at a place of the file; lines and columns count from 1. */
interface FileProblem extends CellProblem {
  line: number
}

/** How a file is written, which every answer names: a seller sees from it what went wrong. */
export interface FileFormat {
  encoding: string
  delimiter: DelimiterName
}

export interface OpenedFile {
  readonly text: string
  readonly format: FileFormat
  readonly csv: CsvFormat
}

// ZIP, which is what workbooks are today, and the container that they were before.
const WORKBOOKS = ['504b0304', 'd0cf11e0a1b11ae1']

/** Finds out encoding and delimiter. Throws item.import.workbook and item.import.not_utf8. */
export function openFile(bytes: Buffer, charset: string | undefined): OpenedFile {
  if (WORKBOOKS.some((start) => bytes.toString('hex', 0, start.length / 2) === start)) {
    throw importErrors.workbook()
  }
  const decoded = decodeText(bytes, charset)
  if (!decoded.ok) throw importErrors.notUtf8({ encoding: decoded.encoding ?? 'unknown' })
  const { text, encoding } = decoded
  const csv = csvFormat(text, (name) => columnOf(name) !== undefined)
  return { text, csv, format: { encoding, delimiter: csv.delimiter } }
}

/**
 * Reads and judges a whole file. Throws item.import.* with the first hundred things that are wrong
 * by line and column; nothing is written before every row is right.
 */
export async function readFile(
  file: OpenedFile,
  now: Date,
  limits: ListingLimits,
): Promise<ItemContent[]> {
  const contents: ItemContent[] = []
  const problems: FileProblem[] = []
  let columns: readonly Column[] | undefined
  let rows = 0
  for await (const { cells, line } of records(file, problems)) {
    if (isBlankRow(cells)) continue
    if (columns === undefined) {
      columns = headerOf(cells, line, file)
      continue
    }
    rows += 1
    if (rows > ROWS_MAX) throw importErrors.tooManyRows({ limit: ROWS_MAX })
    const judged = judgeRow(columns, cells, now, limits)
    if ('content' in judged) contents.push(judged.content)
    else if (problems.length < ERRORS_MAX) {
      problems.push(...judged.problems.map((problem) => ({ line, ...problem })))
    }
  }
  if (problems.length > 0) {
    throw importErrors.invalid({ ...file.format, errors: problems.slice(0, ERRORS_MAX) })
  }
  if (contents.length === 0) throw importErrors.empty({ ...file.format })
  return contents
}

function headerOf(cells: string[], line: number, { format }: OpenedFile): Column[] {
  const read = readHeader(cells)
  if ('columns' in read) return read.columns
  throw importErrors.headerInvalid({ ...format, errors: [{ line, ...read.problem }] })
}

function judgeRow(
  columns: readonly Column[],
  cells: readonly string[],
  now: Date,
  limits: ListingLimits,
): { content: ItemContent } | { problems: CellProblem[] } {
  const at = ({ field, reason }: { field: string; reason: string }) => ({
    column: columns.findIndex(({ name }) => name === field) + 1,
    field,
    reason,
  })
  const row = readRow(columns, cells.map(unguardFormula))
  if ('problems' in row) return row
  const listing = readListing(row.input)
  if (!listing.ok) return { problems: [at(listing)] }
  const { content } = listing
  const problem = startProblem(content.startDate, now, limits) ?? listingProblem(content, limits)
  return problem === undefined ? { content } : { problems: [at(problem)] }
}

/** The records up to the first syntax error, which becomes the last of the problems. */
async function* records(
  { text, csv }: OpenedFile,
  problems: FileProblem[],
): AsyncGenerator<CsvRecord> {
  const { delimiter, start, firstLine } = csv
  try {
    yield* csvRecords(text.slice(start), { delimiter: DELIMITERS[delimiter], firstLine })
  } catch (error) {
    if (!(error instanceof CsvSyntaxError)) throw error
    const { line, column, reason } = error
    problems.push({ line, column, field: '', reason })
  }
}
