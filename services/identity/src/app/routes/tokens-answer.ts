import { Type } from 'typebox'
import { ACCESS_TOKEN_LIFETIME_SECONDS } from '#src/domain/lifetimes.ts'
import type { Tokens } from '../log-in.ts'

const DEVICE_LENGTH_MAX = 200

/** What every way to log in answers. */
export const TokensAnswer = Type.Object({
  token: Type.String({ description: 'Access token: send it as "Authorization: Bearer …".' }),
  expiresIn: Type.Integer({ description: 'Seconds until the access token expires.' }),
  refreshToken: Type.String({ description: 'Exchange it for the next pair; it works once.' }),
})

export function tokensAnswer({ token, refreshToken }: Tokens) {
  return { token, expiresIn: ACCESS_TOKEN_LIFETIME_SECONDS, refreshToken }
}

/** What the browser calls itself, in printable ASCII and cut, so that it can be shown later. */
export function deviceOf(userAgent: string | undefined): string | null {
  const text = userAgent?.replace(/[^\x20-\x7e]/g, '').slice(0, DEVICE_LENGTH_MAX)
  return text === undefined || text === '' ? null : text
}
