import { Type } from 'typebox'
import { type Obligation, Obligations, obligationsPath } from '../contracts/obligations.ts'
import { answers, Uuid } from './schemas.ts'
import type { App } from './server.ts'

/** Answers identity how much of one kind a user still has; for service tokens only. */
export function obligationsRoute(
  app: App,
  kind: Obligation['kind'],
  countOf: (userId: string) => Promise<number>,
): void {
  app.get(
    obligationsPath(':userId'),
    {
      config: { auth: 'service' },
      schema: { params: Type.Object({ userId: Uuid }), response: answers({ 200: Obligations }) },
    },
    async (request) => {
      const count = await countOf(request.params.userId)
      return { obligations: count === 0 ? [] : [{ kind, count }] }
    },
  )
}
