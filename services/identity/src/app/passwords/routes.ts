import { answers, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import type { BrowserSessions } from '#src/app/sessions/browser-session.ts'
import type { Throttle } from '#src/app/throttling/throttle.ts'
import { visitorOf } from '#src/app/visitors/visitor-of.ts'
import { normaliseEmail } from '#src/domain/email.ts'
import { insertMailRequest } from '#src/infra/postgres/passwords/mail-requests.ts'
import { changePassword, type PasswordDependencies, resetPassword } from './passwords.ts'

const NewPassword = Type.String({
  minLength: 1,
  maxLength: 1_024,
  description: '8 to 128 characters',
})

export interface PasswordRoutesOptions extends PasswordDependencies {
  throttle: Throttle
  browserSessions: BrowserSessions
}

/** Changing a password, and setting a new one by a mailed link. */
export async function passwordRoutes(app: App, options: PasswordRoutesOptions): Promise<void> {
  const tags = ['passwords']

  app.post(
    '/identity/password/change',
    {
      config: { auth: 'bearer', access: 'own', session: 'proven' },
      schema: {
        tags,
        operationId: 'changePassword',
        summary: 'Change the password after a fresh proof; your other sessions end',
        body: Type.Object({ newPassword: NewPassword }, { ...STRICT, title: 'NewPassword' }),
        response: answers({ 204: Type.Null() }, [403]),
      },
    },
    async (request, reply) => {
      const { session, trace } = request
      const { newPassword } = request.body
      const renewal = options.browserSessions.renewalFor(request)
      const kept = await changePassword(options, session, newPassword, { trace, renewal })
      options.browserSessions.giveRenewed(reply, renewal, kept)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/identity/password/forgot',
    {
      config: { auth: 'public' },
      schema: {
        tags,
        operationId: 'requestPasswordReset',
        summary: 'Mail a link to a new password, if the address has an account',
        body: Type.Object(
          { email: Type.String({ minLength: 1, maxLength: 254 }) },
          { ...STRICT, title: 'PasswordResetRequest' },
        ),
        response: answers({ 202: Type.Object({}, { title: 'Accepted' }) }),
      },
    },
    async (request, reply) => {
      // What is no address has no account either, and is answered alike.
      const email = normaliseEmail(request.body.email)
      const visitor = visitorOf(request)
      const account = email ?? request.body.email
      const subjects = ['address', 'pair'] as const
      await options.throttle.admit({ scope: 'forgot', subjects, visitor, account })
      if (email !== undefined) await insertMailRequest(options.db, email, request.trace)
      reply.code(202).header('cache-control', 'no-store')
      return {}
    },
  )

  app.post(
    '/identity/password/reset',
    {
      config: { auth: 'public' },
      schema: {
        tags,
        operationId: 'resetPassword',
        summary: 'Set a new password by a mailed link; every session ends, two-factor stays',
        body: Type.Object(
          { token: Type.String({ minLength: 1, maxLength: 128 }), newPassword: NewPassword },
          { ...STRICT, title: 'PasswordReset' },
        ),
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      const { token, newPassword } = request.body
      await resetPassword(options, token, newPassword, request.trace)
      return reply.code(204).send(null)
    },
  )
}
