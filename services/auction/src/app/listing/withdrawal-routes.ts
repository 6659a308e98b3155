import { answers, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { Type } from 'typebox'
import type { PushDependencies } from '#src/app/lot-terms/push-terms.ts'
import { readReason } from '#src/domain/moderation.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { withdrawErrors } from '#src/errors.ts'
import { withdrawItem } from './withdraw-item.ts'

/** Ending a sale before its time. */
export async function withdrawRoutes(app: App, dependencies: PushDependencies): Promise<void> {
  app.post(
    '/api/v1/items/:id/withdraw',
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags: ['items'],
        operationId: 'withdrawItem',
        summary:
          'Withdraw your item: without bids any time, with bids until 12 hours before the end',
        description: 'Bidding stops with the answer; the item is cancelled a moment later.',
        params: Type.Object({ id: Uuid }),
        body: Type.Object(
          { reason: WrittenText(TEXTS.reason) },
          { ...STRICT, title: 'Withdrawal' },
        ),
        response: answers({ 202: Type.Null() }, [409]),
      },
    },
    async (request, reply) => {
      const { user, params, body, trace } = request
      const reason = readReason(body.reason)
      if (reason === undefined) throw withdrawErrors.invalid({ field: 'reason' })
      await withdrawItem(dependencies, { itemId: params.id, sellerId: user.id, reason, trace })
      return reply.code(202).send(null)
    },
  )
}
