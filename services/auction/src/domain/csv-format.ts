/** What separates cells, by the name that answers give it. */
export const DELIMITERS = { comma: ',', semicolon: ';', tab: '\t', pipe: '|' } as const
export type DelimiterName = keyof typeof DELIMITERS
export const DELIMITER_NAMES = Object.keys(DELIMITERS) as DelimiterName[]

export interface CsvFormat {
  readonly delimiter: DelimiterName
  /** Where the header begins, in characters, and on which line. */
  readonly start: number
  readonly firstLine: number
}

// Spreadsheets read such a line, and some write it; it may be filled up with delimiters of its own.
const SEPARATOR_LINE = /^"?sep=([,;\t|])"?[,;\t|]*(?:\r\n|\n|\r|$)/i

// More than the columns that there are can need, and little to look at.
const HEADER_CHARACTERS = 16_384

/**
 * What separates the cells: what a first line `sep=;` says, otherwise that by which the most cells of the
 * header are names of columns. The names hold none of the delimiters, so the header can be split by each.
 */
export function csvFormat(text: string, isColumn: (name: string) => boolean): CsvFormat {
  const [line, sign] = SEPARATOR_LINE.exec(text) ?? []
  const said = DELIMITER_NAMES.find((name) => DELIMITERS[name] === sign)
  if (line !== undefined && said !== undefined) {
    return { delimiter: said, start: line.length, firstLine: 2 }
  }
  const header = new RegExp(`[^\\r\\n]{1,${HEADER_CHARACTERS}}`).exec(text)?.[0] ?? ''
  const ranked = DELIMITER_NAMES.map((delimiter) => {
    const cells = header.split(DELIMITERS[delimiter])
    const known = cells.filter((cell) => isColumn(cell.replaceAll('"', '').trim())).length
    return { delimiter, known, count: cells.length }
  })
  const best = ranked.reduce((left, right) =>
    right.known > left.known || (right.known === left.known && right.count > left.count)
      ? right
      : left,
  )
  return { delimiter: best.delimiter, start: 0, firstLine: 1 }
}
