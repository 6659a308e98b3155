import { addressOf } from '@auction/common/http/network-of.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { KNOWN_ORIGIN_DAYS } from '#src/domain/throttle.ts'
import { randomSecret } from '#src/infra/crypto/secrets.ts'
import type { Visitor } from './visitor.ts'

const COOKIE = 'auction_device'
const IN_COOKIES = new RegExp(`(?:^|;)\\s*${COOKIE}=([\\w-]{43})\\s*(?:;|$)`)
const DEVICE_LENGTH_MAX = 200

/** Reads who comes: the address is the client's as far as TRUSTED_PROXIES says. */
export function visitorOf({ headers, ip }: Pick<FastifyRequest, 'headers' | 'ip'>): Visitor {
  const deviceToken = IN_COOKIES.exec(headers.cookie ?? '')?.[1] ?? randomSecret()
  return { device: deviceOf(headers['user-agent']), address: addressOf(ip) ?? null, deviceToken }
}

/**
 * The cookie opens nothing: it only keeps the owner's tries apart from those of strangers. Its path
 * is that of every page, because the login page logs in for the browser.
 */
export function keepDeviceToken(reply: FastifyReply, token: string, publicUrl: string): void {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : ''
  const seconds = KNOWN_ORIGIN_DAYS * 86_400
  reply.header(
    'set-cookie',
    `${COOKIE}=${token}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`,
  )
}

/** What the browser calls itself, in printable ASCII and cut, so that it can be shown later. */
function deviceOf(userAgent: string | undefined): string | null {
  const text = userAgent?.replace(/[^\x20-\x7e]/g, '').slice(0, DEVICE_LENGTH_MAX)
  return text === undefined || text === '' ? null : text
}
