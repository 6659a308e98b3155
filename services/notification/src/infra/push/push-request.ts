import { createECDH } from 'node:crypto'
import webPush from 'web-push'
import type { OutgoingRequest } from '#src/infra/http/guarded-client.ts'

/** The keys by which push services know us (RFC 8292). */
export interface VapidKeys {
  readonly publicKey: string
  readonly privateKey: string
  /** An address of the operators, `mailto:` or https. */
  readonly subject: string
}

export interface PushKeys {
  readonly endpoint: string
  readonly p256dh: string
  readonly auth: string
}

export interface PushOptions {
  readonly topic: string
  readonly seconds: number
  readonly isUrgent: boolean
}

const AUTH_BYTES = 16

/** Whether these are keys to which something can be encrypted: a point of the curve and a secret. */
export function arePushKeys({ p256dh, auth }: Pick<PushKeys, 'p256dh' | 'auth'>): boolean {
  if (Buffer.from(auth, 'base64url').length !== AUTH_BYTES) return false
  try {
    const own = createECDH('prime256v1')
    own.generateKeys()
    own.computeSecret(Buffer.from(p256dh, 'base64url'))
    return true
  } catch {
    return false
  }
}

/** An encrypted and signed message for one browser; the guarded client sends it. */
export function pushRequest(
  { endpoint, p256dh, auth }: PushKeys,
  payload: string,
  { topic, seconds, isUrgent }: PushOptions,
  vapid: VapidKeys,
): OutgoingRequest {
  const { headers, body } = webPush.generateRequestDetails(
    { endpoint, keys: { p256dh, auth } },
    payload,
    {
      vapidDetails: vapid,
      TTL: seconds,
      topic,
      urgency: isUrgent ? 'high' : 'normal',
      contentEncoding: 'aes128gcm',
    },
  )
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), `${value}`])
  return { url: endpoint, headers: Object.fromEntries(entries), body: body ?? '' }
}
