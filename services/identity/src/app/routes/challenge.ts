import { requestErrors } from '@auction/common/error-answers.ts'
import { answers, STRICT } from '@auction/common/schemas.ts'
import type { App } from '@auction/common/server.ts'
import { Type } from 'typebox'
import { answerChallenge, type ChallengeDependencies } from '../two-factor/answer-challenge.ts'
import { deviceOf, TokensAnswer, tokensAnswer } from './tokens-answer.ts'
import { Code } from './two-factor.ts'

const PendingToken = Type.String({ minLength: 1, maxLength: 128 })

const ChallengeBody = Type.Object(
  {
    token: Type.Optional(PendingToken),
    jwt: Type.Optional(PendingToken),
    code: Code,
  },
  { ...STRICT, description: 'token or, as older clients call it, jwt' },
)

/** The second step of a login. */
export async function challengeRoutes(app: App, options: ChallengeDependencies): Promise<void> {
  app.post(
    '/identity/2fa/challenge',
    {
      config: { auth: 'public' },
      schema: {
        tags: ['two-factor'],
        summary: 'Finish a login with a code of the app or a recovery code',
        body: ChallengeBody,
        response: answers({ 200: TokensAnswer }),
      },
    },
    async ({ body, headers }, reply) => {
      const pendingToken = body.token ?? body.jwt
      if (pendingToken === undefined) throw requestErrors.invalidBody({ field: 'token' })
      const device = deviceOf(headers['user-agent'])
      const tokens = await answerChallenge(options, { pendingToken, code: body.code, device })
      reply.header('cache-control', 'no-store')
      return tokensAnswer(tokens)
    },
  )
}
