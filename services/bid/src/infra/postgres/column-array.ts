import { arrayElement, type ColumnValue } from '@auction/common/postgres/array-literal.ts'

/** Rows collected by column as PostgreSQL array literals, for `unnest`. */
export class ColumnArray {
  readonly #columns: string[]

  constructor(width: number) {
    this.#columns = new Array<string>(width).fill('')
  }

  push(...values: ColumnValue[]): void {
    const columns = this.#columns
    if (values.length !== columns.length) throw new Error('row has another width')
    // Not entries(): it makes an array for each value, and a batch has ten thousand.
    let index = 0
    for (const value of values) {
      const text = arrayElement(value)
      columns[index] = columns[index] === '' ? text : `${columns[index]},${text}`
      index += 1
    }
  }

  /** One literal per column, in the order of `push`. */
  literals(): string[] {
    return this.#columns.map((column) => `{${column}}`)
  }
}
