import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { keepDeviceToken } from '#src/app/visitors/visitor-of.ts'
import { ACCESS_TOKEN_LIFETIME_SECONDS } from '#src/domain/lifetimes.ts'
import type { LoggedIn, Tokens } from './log-in.ts'

/** What every way to log in answers. */
export const TokensAnswer = Type.Object(
  {
    token: Type.String({ description: 'Access token: send it as "Authorization: Bearer …".' }),
    expiresIn: Type.Integer({ description: 'Seconds until the access token expires.' }),
    refreshToken: Type.String({ description: 'Exchange it for the next pair; it works once.' }),
  },
  { title: 'Tokens' },
)

export function tokensAnswer({ token, refreshToken }: Tokens) {
  return { token, expiresIn: ACCESS_TOKEN_LIFETIME_SECONDS, refreshToken }
}

/** Answers a login; the browser keeps what shows later that it was here before. */
export function loggedInAnswer(reply: FastifyReply, tokens: LoggedIn, publicUrl: string) {
  keepDeviceToken(reply, tokens.deviceToken, publicUrl)
  return tokensAnswer(tokens)
}
