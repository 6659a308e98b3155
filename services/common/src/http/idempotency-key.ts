const IDEMPOTENCY_KEY = /^[A-Za-z0-9._:-]{1,128}$/

export const IDEMPOTENCY_KEY_CHARACTERS = 'A-Z a-z 0-9 . _ : -'

/** What a client may send as `idempotency-key`, for the descriptions of headers. */
export const IDEMPOTENCY_KEY_FORMAT = `1 to 128 of ${IDEMPOTENCY_KEY_CHARACTERS}`

/** The key of a request; undefined when the header is absent, repeated or malformed. */
export function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && IDEMPOTENCY_KEY.test(header) ? header : undefined
}
