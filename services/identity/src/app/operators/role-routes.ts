import { answers, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import { GRANTABLE_ROLES } from '#src/domain/roles.ts'
import { grantRole, revokeRole } from './change-roles.ts'
import { ADMINS, answerOf, type OperatorRoutesOptions, UserAnswer } from './user-routes.ts'

const params = Type.Object({
  id: Uuid,
  role: Type.Union(GRANTABLE_ROLES.map((role) => Type.Literal(role))),
})

/** Giving and taking roles, by admins who proved shortly before who they are. */
export async function roleRoutes(app: App, options: OperatorRoutesOptions): Promise<void> {
  const schema = { tags: ['operators'], params }

  app.put(
    '/identity/users/:id/roles/:role',
    {
      config: ADMINS,
      schema: {
        ...schema,
        operationId: 'grantRole',
        summary: 'Give a role',
        response: answers({ 200: UserAnswer }, [409]),
      },
    },
    async (request, reply) => {
      const { session } = request
      const { id: userId, role } = request.params
      await grantRole(options, session, { userId, role }, request.trace)
      reply.header('cache-control', 'no-store')
      return answerOf(options, userId)
    },
  )

  app.delete(
    '/identity/users/:id/roles/:role',
    {
      config: ADMINS,
      schema: {
        ...schema,
        operationId: 'revokeRole',
        summary: 'Take a role away; the sessions of who had it end',
        response: answers({ 200: UserAnswer }, [409]),
      },
    },
    async (request, reply) => {
      const { session } = request
      const { id: userId, role } = request.params
      await revokeRole(options, session, { userId, role }, request.trace)
      reply.header('cache-control', 'no-store')
      return answerOf(options, userId)
    },
  )
}
