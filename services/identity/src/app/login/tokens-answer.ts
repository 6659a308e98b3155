import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { BrowserSessions } from '#src/app/sessions/browser-session.ts'
import type { Transport } from '#src/app/sessions/start-session.ts'
import { keepDeviceToken } from '#src/app/visitors/visitor-of.ts'
import { ACCESS_TOKEN_LIFETIME_SECONDS } from '#src/domain/lifetimes.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import type { LoggedIn, Tokens } from './log-in.ts'

/** What every way to log in answers, unless a cookie was asked for. */
export const TokensAnswer = Type.Object(
  {
    token: Type.String({ description: 'Access token: send it as "Authorization: Bearer …".' }),
    expiresIn: Type.Integer({ description: 'Seconds until the access token expires.' }),
    refreshToken: Type.String({ description: 'Exchange it for the next pair; it works once.' }),
  },
  { title: 'Tokens' },
)

/** With a cookie nothing is answered that a script could read. */
export const CookieAnswer = Type.Null({ description: 'Logged in; the session is in a cookie.' })

/** What every way to log in may be asked besides. */
export const TRANSPORT = {
  transport: Type.Optional(
    Type.Union([Type.Literal('token'), Type.Literal('cookie')], {
      description:
        'cookie: for pages of this site. No token is answered, and the browser gets a cookie.',
    }),
  ),
  rememberMe: Type.Optional(
    Type.Boolean({ description: 'With a cookie: keep it when the browser is closed.' }),
  ),
}

/** How the client wants to hold its session. A cookie is given to pages of this site alone. */
export function transportOf(
  request: FastifyRequest,
  { transport, rememberMe = false }: { transport?: string; rememberMe?: boolean },
  { cookie, requireOwnPage }: BrowserSessions,
): Transport {
  if (transport !== 'cookie') return { kind: 'token' }
  requireOwnPage(request)
  const former = cookie.secretIn(request.headers.cookie)
  const replaces = former === undefined || former === 'ambiguous' ? undefined : digestOf(former)
  return { kind: 'cookie', isRemembered: rememberMe, replaces }
}

export function tokensAnswer({ token, refreshToken }: Tokens) {
  return { token, expiresIn: ACCESS_TOKEN_LIFETIME_SECONDS, refreshToken }
}

/** Answers a login; the browser keeps what shows later that it was here before. */
export function loggedInAnswer(
  reply: FastifyReply,
  { token, credential, deviceToken }: LoggedIn,
  { publicUrl, browserSessions }: { publicUrl: string; browserSessions: BrowserSessions },
) {
  keepDeviceToken(reply, deviceToken, publicUrl)
  reply.header('cache-control', 'no-store')
  if (credential.kind === 'token') {
    return reply.code(200).send(tokensAnswer({ token, refreshToken: credential.refreshToken }))
  }
  browserSessions.cookie.give(reply, credential.secret, credential.kept)
  return reply.code(204).send(null)
}
