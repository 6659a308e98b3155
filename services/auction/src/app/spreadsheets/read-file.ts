import { Readable } from 'node:stream'
import { CsvError, type Info, parse } from 'csv-parse'
import { judgeHeader, readRow } from '#src/domain/csv-listing.ts'
import type { ContentField, ItemContent } from '#src/domain/item.ts'
import {
  type ListingLimits,
  listingProblem,
  readListing,
  startProblem,
} from '#src/domain/listing.ts'
import { importErrors } from '#src/errors.ts'

export const ROWS_MAX = 10_000
export const ERRORS_MAX = 100
/** A description of 10,000 characters, quoted, and the other cells. */
const RECORD_CHARACTERS_MAX = 64 * 1024
const CHUNK_CHARACTERS = 64 * 1024

/** What is wrong at a place of the file; lines and columns count from 1. */
interface FileProblem {
  line: number
  column: number
  field: string
  reason: string
}

/**
 * Reads and judges a whole file. Throws item.import.* with the first hundred things that are wrong
 * by line and column; nothing is written before every row is right.
 */
export async function readFile(
  bytes: Buffer,
  now: Date,
  limits: ListingLimits,
): Promise<ItemContent[]> {
  const contents: ItemContent[] = []
  const problems: FileProblem[] = []
  let header: ContentField[] | undefined
  let rows = 0
  for await (const { cells, line } of records(decode(bytes), problems)) {
    if (header === undefined) {
      header = readHeader(cells)
      continue
    }
    rows += 1
    if (rows > ROWS_MAX) throw importErrors.tooManyRows({ limit: ROWS_MAX })
    const judged = judgeRow(header, cells, now, limits)
    if ('content' in judged) contents.push(judged.content)
    else if (problems.length < ERRORS_MAX) {
      problems.push(...judged.problems.map((problem) => ({ line, ...problem })))
    }
  }
  if (problems.length > 0) throw importErrors.invalid({ errors: problems.slice(0, ERRORS_MAX) })
  if (contents.length === 0) throw importErrors.empty()
  return contents
}

function readHeader(cells: string[]): ContentField[] {
  const problem = judgeHeader(cells)
  if (problem !== undefined) throw importErrors.headerInvalid({ errors: [{ line: 1, ...problem }] })
  return cells as ContentField[]
}

function judgeRow(
  header: readonly ContentField[],
  cells: readonly string[],
  now: Date,
  limits: ListingLimits,
): { content: ItemContent } | { problems: Omit<FileProblem, 'line'>[] } {
  if (cells.length !== header.length) {
    const column = Math.min(cells.length, header.length) + 1
    return { problems: [{ column, field: header[column - 1] ?? '', reason: 'number_of_cells' }] }
  }
  const at = ({ field, reason }: { field: string; reason: string }) => ({
    column: header.indexOf(field as ContentField) + 1,
    field,
    reason,
  })
  const row = readRow(header, cells)
  if ('problems' in row) return { problems: row.problems.map(at) }
  const listing = readListing(row.input)
  if (!listing.ok) return { problems: [at(listing)] }
  const { content } = listing
  const problem = startProblem(content.startDate, now, limits) ?? listingProblem(content, limits)
  return problem === undefined ? { content } : { problems: [at(problem)] }
}

function decode(bytes: Buffer): string {
  try {
    // This strips a byte order mark too.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw importErrors.notUtf8()
  }
}

/** In pieces, so that a large file does not block other requests of this process. */
function* pieces(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += CHUNK_CHARACTERS) {
    yield text.slice(at, at + CHUNK_CHARACTERS)
  }
}

interface Parsed {
  record: string[]
  info: Info
}

/** The records up to the first syntax error, which becomes the last of the problems. */
async function* records(
  text: string,
  problems: FileProblem[],
): AsyncGenerator<{ cells: string[]; line: number }> {
  const parser = parse({
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: RECORD_CHARACTERS_MAX,
    record_delimiter: ['\r\n', '\n', '\r'],
  })
  const input = Readable.from(pieces(text))
  input.pipe(parser)
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      yield { cells: record, line: firstLine(record, info) }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const { code, lines, index } = error as CsvError & { lines?: number; index?: number }
    const reason = code.replace(/^CSV_/, '').toLowerCase()
    problems.push({ line: lines ?? 1, column: (index ?? 0) + 1, field: '', reason })
  } finally {
    input.unpipe(parser)
    input.destroy()
    parser.destroy()
  }
}

/** The parser gives the last line of a record; one with quoted line ends began before that. */
function firstLine(cells: readonly string[], { lines }: Info): number {
  const breaks = cells.reduce((sum, cell) => sum + (cell.match(/\r\n|\n|\r/g)?.length ?? 0), 0)
  return lines - breaks
}
