import { parseAmount } from '@auction/common/money.ts'
import { PermanentError } from '@auction/common/rabbitmq/consumer.ts'

/** The minor units of an amount in an event. A malformed one is a dead letter: no retry helps. */
export function readAmount(text: string, currencyCode: string): bigint {
  const amount = parseAmount(text, currencyCode)
  if (!amount.ok) throw new PermanentError(`amount ${text} ${currencyCode}: ${amount.reason}`)
  return amount.minor
}

/** The instant in an event. */
export function readInstant(text: string): Date {
  const instant = new Date(text)
  if (Number.isNaN(instant.getTime())) throw new PermanentError(`${text} is not an instant`)
  return instant
}
