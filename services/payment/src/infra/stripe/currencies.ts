import { minorDigits } from '@auction/common/money.ts'
import { type Money, ProviderError } from '#src/domain/provider.ts'

/**
 * The currencies that we take by Stripe, by the digits of Stripe's minor unit. The list is closed: what is not
 * in it is refused. ISK and UGX are left out, because sources disagree about their digits. Stripe's own list:
 * https://docs.stripe.com/currencies. It was not compared with Stripe itself.
 */
const BY_DIGITS: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF',
  2:
    'AED AUD BGN BRL CAD CHF COP CZK DKK EGP EUR GBP HKD IDR ILS INR KES MAD MXN MYR NGN NOK NZD PEN PHP ' +
    'PKR PLN QAR RON RSD SAR SEK SGD THB TRY TWD UAH USD UYU ZAR',
  3: 'BHD JOD KWD OMR TND',
}

// Of currencies with three digits only multiples of ten are taken.
const STEPS: Readonly<Record<number, bigint>> = { 0: 1n, 2: 1n, 3: 10n }
const AMOUNT_MAX = 99_999_999n

const DIGITS = new Map(
  Object.entries(BY_DIGITS).flatMap(([digits, codes]) =>
    codes.split(' ').map((code): [string, number] => [code, Number(digits)]),
  ),
)

/** Why Stripe does not take an amount. */
export function stripeProblemOf(money: Money): 'currency' | 'amount' | undefined {
  const digits = DIGITS.get(money.currencyCode)
  const ours = minorDigits(money.currencyCode)
  if (digits === undefined || ours === undefined) return 'currency'
  const converted = convert(money.amount, ours, digits)
  const step = STEPS[digits] ?? 1n
  const isTaken =
    converted !== undefined && converted > 0n && converted <= AMOUNT_MAX && converted % step === 0n
  return isTaken ? undefined : 'amount'
}

/** The most of an amount that Stripe takes at once; zero: it does not take the currency. */
export function mostOf({ amount, currencyCode }: Money): bigint {
  const digits = DIGITS.get(currencyCode)
  const ours = minorDigits(currencyCode)
  if (digits === undefined || ours === undefined || amount <= 0n) return 0n
  const step = STEPS[digits] ?? 1n
  // In Stripe's minor units, rounded down.
  const theirs =
    ours >= digits ? amount / 10n ** BigInt(ours - digits) : amount * 10n ** BigInt(digits - ours)
  const taken = theirs > AMOUNT_MAX ? AMOUNT_MAX : theirs
  return convert(taken - (taken % step), digits, ours) ?? 0n
}

/** An amount in Stripe's minor units, exactly; throws when there is no such number. */
export function toStripe(money: Money): { amount: number; currency: string } {
  const problem = stripeProblemOf(money)
  if (problem !== undefined) {
    const text = `${money.amount} ${money.currencyCode}`
    throw new ProviderError('refused', `${problem}_not_supported`, `Stripe does not take ${text}`)
  }
  const ours = minorDigits(money.currencyCode) ?? 0
  const amount = convert(money.amount, ours, DIGITS.get(money.currencyCode) ?? 0) ?? 0n
  return { amount: Number(amount), currency: money.currencyCode.toLowerCase() }
}

/** An amount of Stripe's in ours; throws for a currency that we never send. */
export function fromStripe(amount: number, currency: string): Money {
  const currencyCode = currency.toUpperCase()
  const digits = DIGITS.get(currencyCode)
  const ours = minorDigits(currencyCode)
  const converted =
    digits === undefined || ours === undefined || !Number.isSafeInteger(amount)
      ? undefined
      : convert(BigInt(amount), digits, ours)
  if (converted === undefined) {
    throw new ProviderError('mismatch', 'amount', `Stripe answered ${amount} ${currency}`)
  }
  return { amount: converted, currencyCode }
}

/** Who compares books has to see every amount, also one that was never ours: text in a currency that we never send. */
export function readStripe(amount: number, currency: string): bigint | string {
  if (amount === 0) return 0n
  try {
    return fromStripe(amount, currency).amount
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error
    return `${amount} minor units`
  }
}

function convert(amount: bigint, from: number, to: number): bigint | undefined {
  if (to >= from) return amount * 10n ** BigInt(to - from)
  const divisor = 10n ** BigInt(from - to)
  return amount % divisor === 0n ? amount / divisor : undefined
}
