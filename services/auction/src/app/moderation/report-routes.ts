import { answers, Instant, OneOf, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import type { FastifyRequest } from 'fastify'
import type { Kysely } from 'kysely'
import { type Static, Type } from 'typebox'
import { REPORT_REASONS } from '#src/domain/moderation.ts'
import { TEXTS } from '#src/domain/texts.ts'
import type { Report } from '#src/infra/postgres/moderation/reports.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { report } from './report.ts'

const tags = ['moderation']

const ReportBody = Type.Object(
  {
    reason: Type.Union(REPORT_REASONS.map((reason) => Type.Literal(reason))),
    note: Type.Optional(WrittenText(TEXTS.reportNote, { isOptional: true })),
  },
  { ...STRICT, title: 'NewReport' },
)
type ReportBody = Static<typeof ReportBody>

const ReportAnswer = Type.Object(
  {
    id: Uuid,
    itemId: Uuid,
    commentId: Type.Union([Uuid, Type.Null()]),
    reason: Type.String(),
    state: OneOf(['open']),
    createdAt: Instant,
  },
  { title: 'Report' },
)

/** Reporting an item or a comment to the moderators. */
export async function reportRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  const config = { auth: 'bearer' as const, access: 'any' as const }
  const response = answers({ 201: ReportAnswer }, [409])
  app.post(
    '/api/v1/items/:id/report',
    {
      config,
      schema: {
        tags,
        response,
        operationId: 'reportItem',
        summary: 'Report an item to the moderators',
        params: Type.Object({ id: Uuid }),
        body: ReportBody,
      },
    },
    async (request, reply) => {
      reply.code(201)
      const about = { itemId: request.params.id, commentId: null }
      return reportAnswer(await report(db, { ...about, ...commandOf(request, request.body) }))
    },
  )
  app.post(
    '/api/v1/items/:itemId/comments/:commentId/report',
    {
      config,
      schema: {
        tags,
        response,
        operationId: 'reportComment',
        summary: 'Report a comment to the moderators',
        params: Type.Object({ itemId: Uuid, commentId: Uuid }),
        body: ReportBody,
      },
    },
    async (request, reply) => {
      reply.code(201)
      const command = { ...request.params, ...commandOf(request, request.body) }
      return reportAnswer(await report(db, command))
    },
  )
}

function commandOf({ user }: FastifyRequest, { reason, note = '' }: ReportBody) {
  return { reporterId: user.id, reason, note }
}

function reportAnswer({ id, itemId, commentId, reason, state, createdAt }: Report) {
  return { id, itemId, commentId, reason, state, createdAt: createdAt.toISOString() }
}
