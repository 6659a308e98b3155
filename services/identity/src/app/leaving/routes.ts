import { answers, Instant, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import type { BrowserSessions } from '#src/app/sessions/browser-session.ts'
import { type DeletionRequestDependencies, requestDeletion } from './delete-account.ts'
import { withdrawByLink } from './withdraw-deletion.ts'

/** Leaving for good, and taking that back. */
export async function deletionRoutes(
  app: App,
  options: DeletionRequestDependencies & { browserSessions: BrowserSessions },
): Promise<void> {
  app.get(
    '/identity/deletion',
    {
      config: { auth: 'public' },
      schema: {
        tags: ['accounts'],
        operationId: 'readDeletionTerms',
        summary: 'How many days an account can be kept that its owner closes',
        description: 'With 0 it is deleted some minutes later, for good.',
        response: answers({
          200: Type.Object(
            { days: Type.Integer({ minimum: 0, maximum: 30 }) },
            { title: 'DeletionTerms' },
          ),
        }),
      },
    },
    async () => ({ days: options.deletionDays }),
  )
  app.delete(
    '/identity/me',
    {
      config: { auth: 'bearer', access: 'own', session: 'proven' },
      schema: {
        tags: ['accounts'],
        operationId: 'deleteAccount',
        summary: 'Close your account after a fresh proof; some days later you are forgotten',
        description:
          'Refused with identity.has_obligations while you lead an auction or sell something, have an open order, or money ' +
          'is due to you as a seller, and ' +
          'with identity.last_admin for the only admin. Every session ends at once.',
        response: answers(
          { 202: Type.Object({ deletedAfter: Instant }, { title: 'AccountDeletion' }) },
          [403, 409],
        ),
      },
    },
    async (request, reply) => {
      const { session } = request
      const dueAt = await requestDeletion(options, session, request.trace)
      if (request.browserSession !== null) options.browserSessions.cookie.clear(reply)
      reply.code(202).header('cache-control', 'no-store')
      return { deletedAfter: dueAt.toISOString() }
    },
  )
  app.post(
    '/identity/deletion/withdraw',
    {
      config: { auth: 'public' },
      schema: {
        tags: ['accounts'],
        operationId: 'withdrawDeletion',
        summary: 'Keep the account that was closed, by the link that was mailed then',
        body: Type.Object(
          { token: Type.String({ minLength: 1, maxLength: 128 }) },
          { ...STRICT, title: 'DeletionWithdrawal' },
        ),
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      await withdrawByLink(options, request.body.token, request.trace)
      return reply.code(204).send(null)
    },
  )
}
