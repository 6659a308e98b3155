import { cookiesOf } from '@auction/common/http/cookies.ts'
import type { FastifyReply } from 'fastify'
import type { KeptCookie } from '#src/infra/postgres/sessions/sessions.ts'

const SECRET = /^[\w-]{43}$/

/** The cookie that names a browser's session; its name and attributes follow from PUBLIC_URL. */
export interface SessionCookie {
  readonly name: string
  /** The secret of a Cookie header; `ambiguous` when there is more than one cookie of the name. */
  secretIn(header: string | undefined): string | undefined | 'ambiguous'
  give(reply: FastifyReply, secret: string, kept: KeptCookie): void
  /** Takes it back, and with it what the browser keeps of pages that only its user may see. */
  clear(reply: FastifyReply): void
}

/**
 * Under https no other host can set a cookie of this name, because of its prefix. Under http the
 * name is plain: WebKit drops a Secure cookie even from localhost. SameSite is Lax, so that a user
 * who follows a mailed link is logged in.
 */
export function createSessionCookie(publicUrl: string): SessionCookie {
  const isSecure = publicUrl.startsWith('https:')
  const name = isSecure ? '__Host-session' : 'session'
  const attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
  return {
    name,
    secretIn(header) {
      const [secret = '', ...others] = cookiesOf(header, name)
      if (others.length > 0) return 'ambiguous'
      return SECRET.test(secret) ? secret : undefined
    },
    give(reply, secret, { isRemembered, secondsLeft }) {
      // Without Max-Age it goes when the browser is closed.
      const age = isRemembered ? `; Max-Age=${secondsLeft}` : ''
      reply.header('set-cookie', `${name}=${secret}; ${attributes}${age}`)
    },
    clear(reply) {
      reply.header('set-cookie', `${name}=; ${attributes}; Max-Age=0`)
      reply.header('clear-site-data', '"cache"')
    },
  }
}
