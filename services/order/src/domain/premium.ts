import { isCurrency, parseAmount } from '@auction/common/money.ts'

/** From this amount on, in minor units, a part of the price costs so many basis points. */
export interface Bracket {
  readonly from: bigint
  readonly basisPoints: number
}

export type PremiumTable = ReadonlyMap<string, readonly Bracket[]>

const BASIS = 10_000n

/**
 * What a buyer pays on top of the price: each part of it costs the rate of its bracket, as an income tax does,
 * so a higher price never costs less in all. The sum is rounded once, half up.
 */
export function premiumOf(amount: bigint, brackets: readonly Bracket[] = []): bigint {
  let points = 0n
  brackets.forEach(({ from, basisPoints }, index) => {
    const until = brackets[index + 1]?.from ?? amount
    const part = (amount < until ? amount : until) - from
    if (part > 0n) points += part * BigInt(basisPoints)
  })
  return (points + BASIS / 2n) / BASIS
}

/**
 * Reads the operator's table: a JSON object from currency codes to lists of [from, basis points], the first
 * from "0". Throws naming `setting` and what is wrong, so that a process with a wrong one does not start.
 */
export function parsePremiums(text: string, setting: string): PremiumTable {
  const wrong = (what: string) => new Error(`${setting}: ${what}`)
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    throw wrong('no JSON')
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw wrong('not an object of currencies')
  return new Map(
    Object.entries(given).map(([currency, rows]): [string, Bracket[]] => {
      if (!isCurrency(currency)) throw wrong(`${currency} is no currency`)
      if (!Array.isArray(rows) || rows.length === 0) throw wrong(`${currency} has no brackets`)
      const brackets = rows.map((row): Bracket => {
        const [from, basisPoints] = Array.isArray(row) && row.length === 2 ? row : []
        const parsed = parseAmount(from, currency, { allowZero: true })
        if (!parsed.ok) throw wrong(`${currency}: "${String(from)}" is no amount`)
        const isRate = Number.isInteger(basisPoints) && basisPoints >= 0 && basisPoints <= 5_000
        if (!isRate) throw wrong(`${currency}: basis points are 0 to 5000`)
        return { from: parsed.minor, basisPoints }
      })
      brackets.forEach(({ from }, index) => {
        const before = brackets[index - 1]?.from
        if (before === undefined ? from !== 0n : from <= before)
          throw wrong(`${currency}: brackets begin at 0 and rise`)
      })
      return [currency, brackets]
    }),
  )
}
