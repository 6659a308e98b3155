import { answers, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import {
  CookieAnswer,
  loggedInAnswer,
  TokensAnswer,
  TRANSPORT,
  transportOf,
} from '#src/app/login/tokens-answer.ts'
import type { BrowserSessions } from '#src/app/sessions/browser-session.ts'
import { visitorOf } from '#src/app/visitors/visitor-of.ts'
import {
  logInByPasskey,
  type PasskeyLoginDependencies,
  passkeyLoginOptions,
} from './log-in-by-passkey.ts'
import { PasskeyOptions, SignedCredential } from './schemas.ts'

export interface PasskeyLoginRoutesOptions extends PasskeyLoginDependencies {
  publicUrl: string
  browserSessions: BrowserSessions
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
        operationId: 'startPasskeyLogin',
        summary: 'Begin to log in by a passkey',
        response: answers({ 200: PasskeyOptions }),
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store')
      return { ...(await passkeyLoginOptions(options)) }
    },
  )

  app.post(
    '/identity/passkeys/login/verify',
    {
      config: { auth: 'public' },
      schema: {
        ...schema,
        operationId: 'finishPasskeyLogin',
        summary: 'Log in by what the passkey signed',
        body: Type.Object(
          { credential: SignedCredential, ...TRANSPORT },
          { ...STRICT, title: 'PasskeyLogin' },
        ),
        response: answers({ 200: TokensAnswer, 204: CookieAnswer }, [401, 403]),
      },
    },
    async (request, reply) => {
      const { credential } = request.body
      const visitor = visitorOf(request)
      const transport = transportOf(request, request.body, options.browserSessions)
      const { trace } = request
      const loggedIn = await logInByPasskey(options, credential, { visitor, transport, trace })
      return loggedInAnswer(reply, loggedIn, options)
    },
  )
}
