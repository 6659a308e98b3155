import { requestErrors } from '@auction/common/http/error-answers.ts'
import { answers, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { trimText } from '@auction/common/text.ts'
import { type Static, Type } from 'typebox'
import {
  CookieAnswer,
  loggedInAnswer,
  TokensAnswer,
  TRANSPORT,
  transportOf,
} from '#src/app/login/tokens-answer.ts'
import { passkeyChallengeOptions } from '#src/app/passkeys/ask-passkey.ts'
import { PasskeyOptions, SignedCredential } from '#src/app/passkeys/schemas.ts'
import type { BrowserSessions } from '#src/app/sessions/browser-session.ts'
import { visitorOf } from '#src/app/visitors/visitor-of.ts'
import { answerChallenge, type ChallengeDependencies } from './answer-challenge.ts'
import type { SecondFactor } from './check-factor.ts'
import { Code } from './two-factor-routes.ts'

const PendingToken = Type.String({ minLength: 1, maxLength: 128 })

/** Older clients call the token jwt. */
const PENDING = { token: Type.Optional(PendingToken), jwt: Type.Optional(PendingToken) }

const ChallengeBody = Type.Object(
  { ...PENDING, code: Type.Optional(Code), passkey: Type.Optional(SignedCredential), ...TRANSPORT },
  {
    title: 'LoginChallengeAnswer',
    ...STRICT,
    description: 'token (or jwt), and one of code and passkey',
  },
)

export interface ChallengeRoutesOptions extends ChallengeDependencies {
  publicUrl: string
  browserSessions: BrowserSessions
}

/** The second step of a login. */
export async function challengeRoutes(app: App, options: ChallengeRoutesOptions): Promise<void> {
  app.post(
    '/identity/2fa/challenge',
    {
      config: { auth: 'public' },
      schema: {
        tags: ['two-factor'],
        operationId: 'answerLoginChallenge',
        summary: 'Finish a login with a code of the app, a recovery code or a passkey',
        body: ChallengeBody,
        response: answers({ 200: TokensAnswer, 204: CookieAnswer }, [401, 403]),
      },
    },
    async (request, reply) => {
      const pendingToken = tokenOf(request.body)
      const visitor = visitorOf(request)
      const factor = factorOf(request.body)
      const transport = transportOf(request, request.body, options.browserSessions)
      const answer = { pendingToken, factor, visitor, transport }
      const loggedIn = await answerChallenge(options, answer, request.trace)
      return loggedInAnswer(reply, loggedIn, options)
    },
  )

  app.post(
    '/identity/2fa/challenge/passkey',
    {
      config: { auth: 'public' },
      schema: {
        tags: ['two-factor'],
        operationId: 'startPasskeyChallenge',
        summary: 'Begin to finish a login by a passkey',
        body: Type.Object(PENDING, { ...STRICT, title: 'PasskeyChallengeRequest' }),
        response: answers({ 200: PasskeyOptions }, [401, 409]),
      },
    },
    async ({ body }, reply) => {
      reply.header('cache-control', 'no-store')
      return { ...(await passkeyChallengeOptions(options, tokenOf(body))) }
    },
  )
}

function tokenOf({ token, jwt }: { token?: string; jwt?: string }): string {
  const pendingToken = token ?? jwt
  if (pendingToken !== undefined) return trimText(pendingToken)
  throw requestErrors.invalidBody({ field: 'token', reason: 'is required' })
}

/** Exactly one of the two, so that it is clear which one counted. */
function factorOf({ code, passkey }: Static<typeof ChallengeBody>): SecondFactor {
  if (code !== undefined && passkey === undefined) return { code }
  if (passkey !== undefined && code === undefined) return { passkey }
  throw requestErrors.invalidBody({ field: 'code', reason: 'send a code or a passkey' })
}
