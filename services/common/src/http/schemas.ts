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

/** One of these texts, for answers: it is sent as it is, and the document lists the choice. */
export const OneOf = (values: readonly string[]) =>
  Type.Unsafe<string>({ type: 'string', enum: [...values] })

/** The error body of every API. */
export const ErrorAnswer = Type.Object(
  {
    code: Type.String({ description: 'Stable, for programs: request.not_found.' }),
    message: Type.String({ description: 'For people, in English; it may change.' }),
    details: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'What the code needs to be clear.',
      }),
    ),
    traceId: Type.String({ description: 'Finds the request in the logs.' }),
  },
  { title: 'ErrorBody' },
)

/** Errors that a route answers besides those of its kind, which openapi.ts adds. */
export type RefusalStatus = 401 | 403 | 404 | 406 | 409 | 410 | 422 | 428

const refusals = new WeakMap<object, readonly RefusalStatus[]>()

/**
 * Adds the error answers of a route to its documented successes. `own` are the statuses of errors
 * that do not follow from its auth, its path and its method; the tests of the services fail for an
 * answer that is neither.
 */
export function answers<R extends Record<number, TSchema>>(
  successes: R,
  own: readonly RefusalStatus[] = [],
) {
  const response = { ...successes, '4xx': ErrorAnswer, '5xx': ErrorAnswer }
  refusals.set(response, own)
  return response
}

/** The statuses that `answers` was given for this `response` of a schema. */
export function refusalsOf(response: unknown): readonly RefusalStatus[] {
  return typeof response === 'object' && response !== null ? (refusals.get(response) ?? []) : []
}

/** A strict body: fields not listed are refused. */
export const STRICT = { additionalProperties: false } as const
