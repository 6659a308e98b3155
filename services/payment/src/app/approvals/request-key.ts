import { IDEMPOTENCY_KEY_FORMAT, readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { Type } from 'typebox'
import { paymentErrors } from '#src/errors.ts'

/** The headers of a request that may wait for a second operator. */
export const OptionalKeyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      description: `${IDEMPOTENCY_KEY_FORMAT}. The same request with the same key is the same approval.`,
    }),
  ),
})

/** The key of a request that needs none. Throws when there is one that is no key. */
export function readOptionalKey(headers: { 'idempotency-key'?: string }): string | undefined {
  const given = headers['idempotency-key']
  if (given === undefined) return undefined
  const key = readIdempotencyKey(given)
  if (key === undefined) throw paymentErrors.idempotencyKeyMissing()
  return key
}
