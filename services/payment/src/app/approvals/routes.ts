import { answers, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import { requireFreshProof } from '#src/app/fresh-proof.ts'
import { approvalErrors, paymentErrors } from '#src/errors.ts'
import { listApprovals, readApproval } from '#src/infra/postgres/approvals/approvals.ts'
import { ApprovalAnswer, approvalView } from './approval-view.ts'
import { decide, kindsOf } from './decide.ts'
import type { ExecuteDependencies } from './execute.ts'

const APPROVALS = '/api/v1/billing/approvals'
const tags = ['approvals']
const params = Type.Object({ id: Uuid })

const NOT_FOR =
  'With a fresh proof of identity. Not for the operator who asked for it, or for something else about the same, nor for one who gains by it.'

const OPERATORS = {
  auth: 'bearer',
  access: 'role',
  roles: ['moderator', 'admin'],
  forbidden: paymentErrors.forbidden,
} as const

const ApprovalList = Type.Object(
  { approvals: Type.Array(ApprovalAnswer), nextCursor: Type.Optional(Uuid) },
  { title: 'ApprovalList' },
)

/** What waits for a second operator, and the decisions about it. */
export async function approvalRoutes(app: App, dependencies: ExecuteDependencies): Promise<void> {
  const { db } = dependencies
  app.get(
    APPROVALS,
    {
      config: OPERATORS,
      schema: {
        tags,
        operationId: 'listApprovals',
        summary: 'What operators asked for and others approve, the latest first (operators)',
        querystring: Type.Object(
          {
            state: Type.Optional(
              Type.Union([
                Type.Literal('open'),
                Type.Literal('executed'),
                Type.Literal('rejected'),
                Type.Literal('expired'),
              ]),
            ),
            limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
            cursor: Type.Optional(Uuid),
          },
          STRICT,
        ),
        response: answers({ 200: ApprovalList }),
      },
    },
    async ({ user, query: { state, limit, cursor } }, reply) => {
      // One extra row shows whether there is a next page.
      const read = await listApprovals(db, {
        kinds: kindsOf(user),
        state,
        after: cursor,
        limit: limit + 1,
      })
      const shown = read.slice(0, limit)
      const last = shown.at(-1)
      reply.header('cache-control', 'no-store')
      return {
        approvals: shown.map(approvalView),
        ...(last === undefined || read.length <= limit ? {} : { nextCursor: last.id }),
      }
    },
  )
  app.get(
    `${APPROVALS}/:id`,
    {
      config: OPERATORS,
      schema: {
        tags,
        operationId: 'readApproval',
        summary: 'One request that waits for a second operator, or did (operators)',
        params,
        response: answers({ 200: ApprovalAnswer }, [403, 404]),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const approval = await readApproval(db, id, kindsOf(user))
      if (approval === undefined) throw approvalErrors.notFound()
      reply.header('cache-control', 'no-store')
      return approvalView(approval)
    },
  )
  decisionRoute(app, dependencies, {
    path: 'approval',
    state: 'executed',
    operationId: 'approveRequest',
    summary: 'Approve what another operator asked for: it is done at once (operators)',
    description: NOT_FOR,
  })
  decisionRoute(app, dependencies, {
    path: 'rejection',
    state: 'rejected',
    operationId: 'rejectRequest',
    summary: 'Reject what another operator asked for, or withdraw the own request (operators)',
    description: `${NOT_FOR} But who asked for it may withdraw it.`,
  })
}

function decisionRoute(
  app: App,
  dependencies: ExecuteDependencies,
  {
    path,
    state,
    operationId,
    summary,
    description,
  }: {
    path: 'approval' | 'rejection'
    state: 'executed' | 'rejected'
    operationId: string
    summary: string
    description: string
  },
): void {
  app.post(
    `${APPROVALS}/:id/${path}`,
    {
      config: OPERATORS,
      schema: {
        tags,
        operationId,
        summary,
        description,
        params,
        response: answers({ 200: ApprovalAnswer }, [403, 404, 409, 422]),
      },
    },
    async ({ user, params: { id } }, reply) => {
      requireFreshProof(user)
      const approval = await decide(dependencies, { id, state }, user)
      reply.header('cache-control', 'no-store')
      return approvalView(approval)
    },
  )
}
