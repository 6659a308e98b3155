import { randomBytes } from 'node:crypto'
import { invalid } from './wire.ts'

const AMOUNT_MAX = 99_999_999
const CURRENCY = /^[a-z]{3}$/

export const newId = (prefix: string): string => `${prefix}${randomBytes(12).toString('hex')}`

export function currencyOf(currency: string | undefined): string {
  if (currency === undefined || !CURRENCY.test(currency)) {
    throw invalid(`Invalid currency: ${currency}`, undefined, 'currency')
  }
  return currency
}

export function checkAmount(amount: number): void {
  if (amount < 1) {
    throw invalid(
      'This value must be greater than or equal to 1.',
      'parameter_invalid_integer',
      'amount',
    )
  }
  if (amount > AMOUNT_MAX) {
    throw invalid('Amount must be no more than 999,999.99', 'amount_too_large', 'amount')
  }
}
