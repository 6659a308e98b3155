import { requestErrors } from '@auction/common/http/error-answers.ts'
import { answers, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { type Static, Type } from 'typebox'
import { CookieAnswer, TokensAnswer } from '#src/app/login/tokens-answer.ts'
import { passkeyProofOptions } from '#src/app/passkeys/ask-passkey.ts'
import { PasskeyOptions, SignedCredential } from '#src/app/passkeys/schemas.ts'
import type { BrowserSessions } from '#src/app/sessions/browser-session.ts'
import { Code } from '#src/app/two-factor/two-factor-routes.ts'
import { ACCESS_TOKEN_LIFETIME_SECONDS } from '#src/domain/lifetimes.ts'
import { type Proof, type ReauthenticateDependencies, reauthenticate } from './reauthenticate.ts'

const ProofBody = Type.Object(
  {
    password: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    code: Type.Optional(Code),
    passkey: Type.Optional(SignedCredential),
  },
  {
    title: 'Proof',
    ...STRICT,
    description: 'password, with code where two-factor is on; or passkey',
  },
)

const ProofAnswer = Type.Pick(TokensAnswer, ['token', 'expiresIn'], { title: 'FreshToken' })

/** The fresh proof that sensitive changes ask for. */
export async function proofRoutes(
  app: App,
  options: ReauthenticateDependencies & { browserSessions: BrowserSessions },
): Promise<void> {
  app.post(
    '/identity/reauthenticate',
    {
      config: { auth: 'bearer', access: 'own', session: 'live' },
      schema: {
        tags: ['sessions'],
        operationId: 'proveIdentity',
        summary: 'Prove again who you are, for changes that ask for a fresh proof',
        body: ProofBody,
        response: answers({ 200: ProofAnswer, 204: CookieAnswer }),
      },
    },
    async (request, reply) => {
      const { session } = request
      const renewal = options.browserSessions.renewalFor(request)
      const context = { trace: request.trace, renewal }
      const proof = proofOf(request.body)
      const { token, kept } = await reauthenticate(options, session, proof, context)
      reply.header('cache-control', 'no-store')
      if (kept === undefined) return { token, expiresIn: ACCESS_TOKEN_LIFETIME_SECONDS }
      options.browserSessions.giveRenewed(reply, renewal, kept)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/identity/reauthenticate/passkey',
    {
      config: { auth: 'bearer', access: 'own', session: 'live' },
      schema: {
        tags: ['sessions'],
        operationId: 'startPasskeyProof',
        summary: 'Begin to prove again who you are by a passkey',
        response: answers({ 200: PasskeyOptions }, [409]),
      },
    },
    async (request, reply) => {
      const { id } = request.session
      reply.header('cache-control', 'no-store')
      return { ...(await passkeyProofOptions(options, id)) }
    },
  )
}

function proofOf({ password, code, passkey }: Static<typeof ProofBody>): Proof {
  if (passkey !== undefined && password === undefined && code === undefined) return { passkey }
  if (password !== undefined && passkey === undefined) return { password, code }
  throw requestErrors.invalidBody({ field: 'password', reason: 'send a password or a passkey' })
}
