import { readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { answers, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import { ownUrl } from '#src/app/own-url.ts'
import { KeyHeaders } from '#src/app/payments/payment-routes.ts'
import { depositErrors, paymentErrors } from '#src/errors.ts'
import { listDeposits, readDeposit } from '#src/infra/postgres/deposits/deposits.ts'
import { type BeginDepositDependencies, beginDeposit } from './begin-deposit.ts'
import { DepositAnswer, depositView } from './deposit-view.ts'

const DepositBody = Type.Object(
  {
    itemId: Uuid,
    provider: Type.Optional(Type.String({ minLength: 1, maxLength: 32 })),
    returnUrl: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1_000,
        description: 'Where the browser goes afterwards: an address of this site.',
      }),
    ),
  },
  { ...STRICT, title: 'NewDeposit' },
)

export interface DepositRoutesOptions extends BeginDepositDependencies {
  publicUrl: string
}

/** Having a deposit held for a lot, and what became of it. */
export async function depositRoutes(app: App, options: DepositRoutesOptions): Promise<void> {
  const { db, publicUrl } = options
  app.post(
    '/api/v1/deposits',
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags: ['deposits'],
        operationId: 'beginDeposit',
        summary: 'Have the deposit of a lot held by your card',
        description:
          'Send an Idempotency-Key. The answer names the page on which to give the card. Nothing is taken: it is released when another bidder wins or you pay, and taken only if you win and do not pay.',
        headers: KeyHeaders,
        body: DepositBody,
        response: answers({ 201: DepositAnswer }, [403, 404, 409, 422]),
      },
    },
    async ({ user, headers, body, trace }, reply) => {
      const idempotencyKey = readIdempotencyKey(headers['idempotency-key'])
      if (idempotencyKey === undefined) throw paymentErrors.idempotencyKeyMissing()
      const deposit = await beginDeposit(options, {
        bidderId: user.id,
        itemId: body.itemId,
        provider: body.provider,
        returnUrl: ownUrl(publicUrl, body.returnUrl ?? `/lots/${body.itemId}`),
        idempotencyKey,
        trace,
      })
      reply.code(201).header('cache-control', 'no-store')
      return depositView(deposit)
    },
  )
  app.get(
    '/api/v1/deposits',
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags: ['deposits'],
        operationId: 'listDeposits',
        summary: 'Your deposits, the newest first',
        querystring: Type.Object(
          {
            itemId: Type.Optional(Uuid),
            limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
          },
          STRICT,
        ),
        response: answers({
          200: Type.Object({ deposits: Type.Array(DepositAnswer) }, { title: 'Deposits' }),
        }),
      },
    },
    async ({ user, query: { itemId, limit } }, reply) => {
      const deposits = await listDeposits(db, { bidderId: user.id, itemId, limit })
      reply.header('cache-control', 'no-store')
      return { deposits: deposits.map(depositView) }
    },
  )
  app.get(
    '/api/v1/deposits/:id',
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags: ['deposits'],
        operationId: 'readDeposit',
        summary: 'A deposit of yours',
        params: Type.Object({ id: Uuid }),
        response: answers({ 200: DepositAnswer }),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const deposit = await readDeposit(db, id)
      if (deposit === undefined || deposit.bidderId !== user.id) throw depositErrors.notFound()
      reply.header('cache-control', 'no-store')
      return depositView(deposit)
    },
  )
}
