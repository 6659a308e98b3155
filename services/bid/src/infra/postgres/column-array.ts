export type ColumnValue = string | number | bigint | boolean | null

// Ids, codes and numbers, the bulk of what is written, need no quotes in an array literal.
const PLAIN = /^[A-Za-z0-9_.:-]+$/

function encode(value: ColumnValue): string {
  if (value === null) return 'NULL'
  if (typeof value !== 'string') return String(value)
  if (PLAIN.test(value) && value.toUpperCase() !== 'NULL') return value
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/**
 * Rows collected by column as PostgreSQL array literals, for `unnest`. The driver would quote
 * every element of a JavaScript array; here only what needs quotes gets them, which is the
 * difference between the driver and the database being the limit of the bid path.
 */
export class ColumnArray {
  readonly #columns: string[]

  constructor(width: number) {
    this.#columns = new Array<string>(width).fill('')
  }

  push(...values: ColumnValue[]): void {
    if (values.length !== this.#columns.length) throw new Error('row has another width')
    for (const [index, value] of values.entries()) {
      const column = this.#columns[index]
      const text = encode(value)
      this.#columns[index] = column === '' ? text : `${column},${text}`
    }
  }

  /** One literal per column, in the order of `push`. */
  literals(): string[] {
    return this.#columns.map((column) => `{${column}}`)
  }
}
