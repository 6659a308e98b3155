import { createHmac } from 'node:crypto'

/** What a signature of Standard Webhooks is over. */
export interface SignedContent {
  readonly id: string
  /** Seconds, as in its header. */
  readonly timestamp: string
  readonly body: string | Buffer
}

/** One signature of the header `webhook-signature`. */
export function signatureOf(key: Buffer, { id, timestamp, body }: SignedContent): string {
  const digest = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body)
  return `v1,${digest.digest('base64')}`
}
