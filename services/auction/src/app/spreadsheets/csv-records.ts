import { setImmediate } from 'node:timers/promises'

/** A description of 10,000 characters, each of them quoted or of two units, and the other cells. */
const RECORD_CHARACTERS_MAX = 64 * 1024
/** How much is read before other requests of this process get their turn. */
const TURN_CHARACTERS = 64 * 1024

export interface CsvRecord {
  readonly cells: string[]
  /** The line of the file on which the record begins. */
  readonly line: number
}

/** The text breaks the rules of CSV in the record that begins on this line. */
export class CsvSyntaxError extends Error {
  override readonly name = 'CsvSyntaxError'
  readonly line: number
  readonly column: number
  readonly reason: string

  constructor(line: number, column: number, reason: string) {
    super(`${reason} on line ${line}`)
    this.line = line
    this.column = column
    this.reason = reason
  }
}

/**
 * The records of a text by RFC 4180, with any line end, without empty lines. Throws CsvSyntaxError behind the
 * last whole record.
 *
 * No library: csv-parse counts a quoted CRLF as two lines, loses up to sixteen records before an error, and makes an
 * error with a stack for each row of another length, which are minutes for 5 MB of them.
 */
export async function* csvRecords(
  text: string,
  { delimiter, firstLine }: { delimiter: string; firstLine: number },
): AsyncGenerator<CsvRecord> {
  let [at, line, turnEnds] = [0, firstLine, TURN_CHARACTERS]
  const plainCell = new RegExp(`[^${delimiter}"\\r\\n]*`, 'y')
  for (;;) {
    const start = afterLineEnds(text, at)
    line += lineEnds(text.slice(at, start))
    if (start === text.length) return
    const { cells, end, problem } = readRecord(text, start, delimiter, plainCell)
    if (problem !== undefined) throw new CsvSyntaxError(line, cells.length + 1, problem)
    yield { cells, line }
    line += lineEnds(text.slice(start, end))
    at = end
    if (at < turnEnds) continue
    turnEnds = at + TURN_CHARACTERS
    await setImmediate()
  }
}

interface ReadRecord {
  cells: string[]
  /** Where the line end of the record stands. */
  end: number
  problem?: string
}

function readRecord(text: string, start: number, delimiter: string, plainCell: RegExp): ReadRecord {
  const cells: string[] = []
  for (let at = start; ; at += 1) {
    const cell = text[at] === '"' ? quoted(text, at) : plain(text, at, plainCell)
    at = cell.end
    const next = text[at]
    if ('problem' in cell) return { cells, end: at, problem: cell.problem }
    if (at - start > RECORD_CHARACTERS_MAX) return { cells, end: at, problem: 'max_record_size' }
    if (next !== undefined && next !== delimiter && next !== '\r' && next !== '\n') {
      const problem = cell.isQuoted ? 'invalid_closing_quote' : 'invalid_opening_quote'
      return { cells, end: at, problem }
    }
    cells.push(cell.value)
    if (next !== delimiter) return { cells, end: at }
  }
}

type Cell = { value: string; end: number; isQuoted: boolean } | { end: number; problem: string }

function plain(text: string, start: number, plainCell: RegExp): Cell {
  plainCell.lastIndex = start
  const value = plainCell.exec(text)?.[0] ?? ''
  return { value, end: start + value.length, isQuoted: false }
}

function quoted(text: string, start: number): Cell {
  let value = ''
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from)
    if (quote === -1) return { end: text.length, problem: 'quote_not_closed' }
    value += text.slice(from, quote)
    if (text[quote + 1] !== '"') return { value, end: quote + 1, isQuoted: true }
    value += '"'
    from = quote + 2
  }
}

function afterLineEnds(text: string, from: number): number {
  let at = from
  while (text[at] === '\r' || text[at] === '\n') at += 1
  return at
}

function lineEnds(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0
}
