import { answers, STRICT } from '@auction/common/schemas.ts'
import type { App } from '@auction/common/server.ts'
import { Type } from 'typebox'
import { ACCESS_TOKEN_LIFETIME_SECONDS } from '#src/domain/lifetimes.ts'
import { identityErrors } from '#src/errors.ts'
import { type ReauthenticateDependencies, reauthenticate } from '../reauthenticate.ts'
import type { SessionCheck } from '../session-check.ts'
import { TokensAnswer } from './tokens-answer.ts'
import { Code } from './two-factor.ts'

const ProofBody = Type.Object(
  {
    password: Type.String({ minLength: 1, maxLength: 128 }),
    code: Type.Optional(Code),
  },
  STRICT,
)

const ProofAnswer = Type.Pick(TokensAnswer, ['token', 'expiresIn'])

export interface ProofRoutesOptions extends ReauthenticateDependencies {
  checkSession: SessionCheck
}

/** The fresh proof that sensitive changes ask for. */
export async function proofRoutes(app: App, options: ProofRoutesOptions): Promise<void> {
  app.post(
    '/identity/reauthenticate',
    {
      config: { auth: 'bearer' },
      schema: {
        tags: ['sessions'],
        summary: 'Prove again who you are, for changes that ask for a fresh proof',
        security: [{ bearer: [] }],
        body: ProofBody,
        response: answers({ 200: ProofAnswer }),
      },
    },
    async ({ caller, body: { password, code } }, reply) => {
      if (caller === null) throw identityErrors.unauthenticated()
      const session = await options.checkSession(caller)
      const token = await reauthenticate(options, session, { password, code })
      reply.header('cache-control', 'no-store')
      return { token, expiresIn: ACCESS_TOKEN_LIFETIME_SECONDS }
    },
  )
}
