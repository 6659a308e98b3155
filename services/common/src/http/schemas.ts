import { type TSchema, Type } from 'typebox'
import { UUID } from '../ids.ts'

/** An id of ours on the wire: UUID in lower case. */
export const Uuid = Type.String({ pattern: UUID.source })

/** An amount of money on the wire; its digits and range are judged per currency in money.ts. */
export const Amount = Type.String({ minLength: 1, maxLength: 32, description: 'decimal string' })

/** ISO 4217 code in capitals. */
export const CurrencyCode = Type.String({ pattern: '^[A-Z]{3}$' })

/** An instant: ISO 8601 with offset; always sent in UTC. */
export const Instant = Type.String({ format: 'date-time', maxLength: 40 })

/** The error body of every API. */
export const ErrorAnswer = Type.Object({
  code: Type.String(),
  message: Type.String(),
  details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  traceId: Type.String(),
})

/** Adds the error answers every route may give to its documented successes. */
export function answers<R extends Record<number, TSchema>>(successes: R) {
  return { ...successes, '4xx': ErrorAnswer, '5xx': ErrorAnswer }
}

/** A strict body: fields not listed are refused. */
export const STRICT = { additionalProperties: false } as const
