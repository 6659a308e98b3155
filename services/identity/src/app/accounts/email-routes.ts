import { answers, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import { chooseLocale } from '#src/domain/locale.ts'
import {
  type ChangeEmailDependencies,
  confirmEmailChange,
  requestEmailChange,
} from './change-email.ts'
import { type VerifyEmailDependencies, verifyEmail } from './verify-email.ts'

export type EmailRoutesOptions = VerifyEmailDependencies & ChangeEmailDependencies

/** Showing whose an address is, and changing it, by mailed links. */
export async function emailRoutes(app: App, options: EmailRoutesOptions): Promise<void> {
  const tags = ['e-mail']
  const Token = Type.String({ minLength: 1, maxLength: 128 })

  app.post(
    '/identity/email/verify',
    {
      config: { auth: 'public' },
      schema: {
        tags,
        operationId: 'verifyEmail',
        summary: 'Verify an address by a mailed link; asks for the password where two wait for it',
        body: Type.Object(
          {
            token: Token,
            password: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
          },
          { ...STRICT, title: 'EmailVerification' },
        ),
        response: answers({ 204: Type.Null() }, [401]),
      },
    },
    async (request, reply) => {
      const { token, password } = request.body
      await verifyEmail(options, { token, password }, request.trace)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/identity/email/change',
    {
      config: { auth: 'bearer', access: 'own', session: 'proven' },
      schema: {
        tags,
        operationId: 'requestEmailChange',
        summary: 'Ask for another address after a fresh proof; a link is mailed to it',
        body: Type.Object(
          { email: Type.String({ minLength: 1, maxLength: 254 }) },
          { ...STRICT, title: 'EmailChange' },
        ),
        response: answers({ 202: Type.Object({}, { title: 'Accepted' }) }, [403]),
      },
    },
    async (request, reply) => {
      const { session, headers } = request
      const locale = chooseLocale(undefined, headers['accept-language']) ?? null
      const { email } = request.body
      await requestEmailChange(options, session, { email, locale }, request.trace)
      reply.code(202).header('cache-control', 'no-store')
      return {}
    },
  )

  app.post(
    '/identity/email/confirm',
    {
      config: { auth: 'public' },
      schema: {
        tags,
        operationId: 'confirmEmailChange',
        summary: 'Take the address that a mailed link came to; your other sessions end',
        body: Type.Object({ token: Token }, { ...STRICT, title: 'EmailConfirmation' }),
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      await confirmEmailChange(options, request.body.token, request.trace)
      return reply.code(204).send(null)
    },
  )
}
