import { answers, STRICT } from '@auction/common/schemas.ts'
import type { App } from '@auction/common/server.ts'
import { Type } from 'typebox'
import type { AccessTokens } from '../access-token.ts'
import type { PasskeyDependencies } from '../passkeys/check-passkey.ts'
import { askAnybody, logInByPasskey } from '../passkeys/log-in-by-passkey.ts'
import { PasskeyOptions, SignedCredential } from './passkey-schemas.ts'
import { deviceOf, TokensAnswer, tokensAnswer } from './tokens-answer.ts'

export interface PasskeyLoginRoutesOptions extends PasskeyDependencies {
  accessTokens: AccessTokens
}

/** Logging in without a password. */
export async function passkeyLoginRoutes(
  app: App,
  options: PasskeyLoginRoutesOptions,
): Promise<void> {
  const schema = { tags: ['passkeys'] }

  app.post(
    '/identity/passkeys/login/options',
    {
      config: { auth: 'public' },
      schema: {
        ...schema,
        summary: 'Begin to log in by a passkey',
        response: answers({ 200: PasskeyOptions }),
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store')
      return { ...(await askAnybody(options)) }
    },
  )

  app.post(
    '/identity/passkeys/login/verify',
    {
      config: { auth: 'public' },
      schema: {
        ...schema,
        summary: 'Log in by what the passkey signed',
        body: Type.Object({ credential: SignedCredential }, STRICT),
        response: answers({ 200: TokensAnswer }),
      },
    },
    async ({ body, headers }, reply) => {
      const tokens = await logInByPasskey(options, body.credential, deviceOf(headers['user-agent']))
      reply.header('cache-control', 'no-store')
      return tokensAnswer(tokens)
    },
  )
}
