import { formatAmount, MAX_MINOR_UNITS, parseAmount } from '@auction/common/money.ts'
import { type Money, ProviderError } from '#src/domain/provider.ts'

/**
 * The currencies that we take by Mollie. The list is closed: what is not in it is refused. Each has as many
 * digits for Mollie as for us; ISK is left out, because sources disagree about its digits. Mollie's own list:
 * https://docs.mollie.com/docs/multicurrency. It was not compared with Mollie itself.
 */
const CURRENCIES: ReadonlySet<string> = new Set(
  (
    'AED AUD BRL CAD CHF CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN RON SEK SGD THB TWD ' +
    'USD ZAR'
  ).split(' '),
)

/** An amount as Mollie writes it: `{ currency: "EUR", value: "18.50" }`. */
export interface MollieAmount {
  currency: string
  value: string
}

/** Why Mollie does not take an amount. */
export function mollieProblemOf({
  amount,
  currencyCode,
}: Money): 'currency' | 'amount' | undefined {
  if (!CURRENCIES.has(currencyCode)) return 'currency'
  return amount > 0n && amount <= MAX_MINOR_UNITS ? undefined : 'amount'
}

/** Throws for what Mollie does not take. */
export function toMollie(money: Money): MollieAmount {
  const problem = mollieProblemOf(money)
  if (problem !== undefined) {
    const text = `${money.amount} ${money.currencyCode}`
    throw new ProviderError('refused', `${problem}_not_supported`, `Mollie does not take ${text}`)
  }
  return {
    currency: money.currencyCode,
    value: formatAmount(money.amount, money.currencyCode),
  }
}

/** Who compares books has to see every amount, also one that was never ours: text in a currency that we never ask for. */
export function readMollie(amount: MollieAmount | null | undefined): bigint | string {
  if (amount === undefined || amount === null || Number(amount.value) === 0) return 0n
  try {
    return fromMollie(amount, amount.currency)
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error
    return amount.value
  }
}

/** Throws for what is no exact amount of a currency that we take. Nothing is an amount of zero. */
export function fromMollie(amount: MollieAmount | null | undefined, currencyCode: string): bigint {
  if (amount === undefined || amount === null) return 0n
  const parsed = parseAmount(amount.value, currencyCode, { allowZero: true })
  if (amount.currency !== currencyCode || !CURRENCIES.has(currencyCode) || !parsed.ok) {
    const text = `${String(amount.value)} ${String(amount.currency)}`
    throw new ProviderError('mismatch', 'amount', `Mollie answered ${text}`)
  }
  return parsed.minor
}
