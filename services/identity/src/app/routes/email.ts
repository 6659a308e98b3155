import { answers, STRICT } from '@auction/common/schemas.ts'
import type { App } from '@auction/common/server.ts'
import { Type } from 'typebox'
import { type VerifyEmailDependencies, verifyEmail } from '../verify-email.ts'

export type EmailRoutesOptions = VerifyEmailDependencies

/** Showing whose an address is, by a mailed link. */
export async function emailRoutes(app: App, options: EmailRoutesOptions): Promise<void> {
  const tags = ['e-mail']
  const Token = Type.String({ minLength: 1, maxLength: 128 })

  app.post(
    '/identity/email/verify',
    {
      config: { auth: 'public' },
      schema: {
        tags,
        summary: 'Verify an address by a mailed link; asks for the password where two wait for it',
        body: Type.Object(
          {
            token: Token,
            password: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
          },
          STRICT,
        ),
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      const { token, password } = request.body
      await verifyEmail(options, { token, password }, request.trace)
      return reply.code(204).send(null)
    },
  )
}
