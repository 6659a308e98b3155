/**
 * A cell that a spreadsheet may run as a formula: by its first sign, in ASCII or full width, behind blanks and
 * invisible characters too, or a cell that begins with a tab or a line end. Apostrophes in front are part of
 * the pattern, so that a guarded cell is still one, and a guard differs from an apostrophe of the seller.
 */
const FORMULA = /^'*(?:[\t\r\n]|[\s\p{Cf}]*[=+\-@＝＋－＠])/u

/** Puts an apostrophe before a cell that a spreadsheet may run. */
export function guardFormula(cell: string): string {
  return FORMULA.test(cell) ? `'${cell}` : cell
}

/** Takes back what guardFormula did; every other cell stays as it is. */
export function unguardFormula(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell
}
