import { randomBytes } from 'node:crypto'
import { signatureOf } from './standard-webhooks.ts'

const PREFIX = 'whsec_'
const BYTES = 32
const BYTES_MIN = 24
const BYTES_MAX = 64

/** How a secret looks; `isWebhookSecret` decides. */
export const WEBHOOK_SECRET_PATTERN = '^whsec_[A-Za-z0-9+/]{32,88}={0,2}$'

/** A secret as Standard Webhooks writes it. */
export function newWebhookSecret(): string {
  return PREFIX + randomBytes(BYTES).toString('base64')
}

/** Whether a text is a secret of 24 to 64 bytes. */
export function isWebhookSecret(text: string): boolean {
  if (!text.startsWith(PREFIX)) return false
  const encoded = text.slice(PREFIX.length)
  const bytes = Buffer.from(encoded, 'base64')
  return (
    bytes.toString('base64') === encoded && bytes.length >= BYTES_MIN && bytes.length <= BYTES_MAX
  )
}

export interface SignedMessage {
  readonly id: string
  readonly instant: Date
  readonly payload: string
}

/** The headers of Standard Webhooks, with one signature for each secret. */
export function signatureHeaders(
  { id, instant, payload }: SignedMessage,
  secrets: readonly string[],
): Record<string, string> {
  const timestamp = String(Math.floor(instant.getTime() / 1_000))
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
    return signatureOf(key, { id, timestamp, body: payload })
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}
