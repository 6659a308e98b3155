import { hash, timingSafeEqual } from 'node:crypto'
import { signatureOf } from './standard-webhooks.ts'

/** What says who sent a report. */
export interface ReporterHeaders {
  readonly authorization?: string | undefined
  readonly 'webhook-id'?: string | string[] | undefined
  readonly 'webhook-timestamp'?: string | string[] | undefined
  readonly 'webhook-signature'?: string | string[] | undefined
}

export type Reporter = 'known' | 'unknown' | 'late'

/** As Standard Webhooks says; it allows for clocks that differ. */
const TOLERANCE_MS = 300_000
const SIGNATURES_MAX = 10

/**
 * Whether who sent a report knows the secret: it is the token of Bearer or the password of Basic, or it signed the
 * report by Standard Webhooks. What was signed more than five minutes ago, or so much ahead, is `late`.
 */
export function judgeReporter(
  secret: string,
  headers: ReporterHeaders,
  body: Buffer,
  now: Date,
): Reporter {
  if (headers.authorization !== undefined) {
    return isSame(secretOf(headers.authorization), secret) ? 'known' : 'unknown'
  }
  const [id, timestamp, signatures] = (
    ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const
  ).map((name) => String(headers[name] ?? '')) as [string, string, string]
  const expected = signatureOf(Buffer.from(secret, 'base64'), { id, timestamp, body })
  const isSigned = signatures
    .split(' ')
    .slice(0, SIGNATURES_MAX)
    .some((signature) => isSame(signature, expected))
  if (!isSigned) return 'unknown'
  return Math.abs(now.getTime() - Number(timestamp) * 1_000) <= TOLERANCE_MS ? 'known' : 'late'
}

function secretOf(authorization: string): string {
  const [, scheme = '', value = ''] = /^(Bearer|Basic) +(\S+)$/i.exec(authorization) ?? []
  if (scheme.toLowerCase() === 'bearer') return value
  const pair = Buffer.from(value, 'base64').toString()
  return pair.slice(pair.indexOf(':') + 1)
}

const digestOf = (text: string) => hash('sha256', text, 'buffer')

const isSame = (left: string, right: string) => timingSafeEqual(digestOf(left), digestOf(right))
