export type ColumnValue = string | number | bigint | boolean | null

// Ids, codes and numbers, the bulk of what is written, need no quotes in an array literal.
const PLAIN = /^[A-Za-z0-9_.:-]+$/

const isNull = (text: string) => text.length === 4 && text.toUpperCase() === 'NULL'

/** One value as an element of a PostgreSQL array literal. */
export function arrayElement(value: ColumnValue): string {
  if (value === null) return 'NULL'
  if (typeof value !== 'string') return String(value)
  if (PLAIN.test(value) && !isNull(value)) return value
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/**
 * Values as a PostgreSQL array literal, for `unnest`. The driver would quote every element of a
 * JavaScript array; here only what needs quotes gets them, which is
 * the difference between the driver and the database being the limit of the bid path.
 */
export function arrayLiteral(values: readonly ColumnValue[]): string {
  return `{${values.map(arrayElement).join(',')}}`
}
