import { arrayElement, type ColumnValue } from '@auction/common/postgres/array-literal.ts'

/** Rows collected by column as PostgreSQL array literals, for `unnest`. */
export class ColumnArray {
  readonly #columns: string[]

  constructor(width: number) {
    this.#columns = new Array<string>(width).fill('')
  }

  push(...values: ColumnValue[]): void {
    if (values.length !== this.#columns.length) throw new Error('row has another width')
    for (const [index, value] of values.entries()) {
      const column = this.#columns[index]
      const text = arrayElement(value)
      this.#columns[index] = column === '' ? text : `${column},${text}`
    }
  }

  /** One literal per column, in the order of `push`. */
  literals(): string[] {
    return this.#columns.map((column) => `{${column}}`)
  }
}
