import { answers, Instant, OneOf, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { Type } from 'typebox'
import { moderateComment, restoreComment } from '#src/app/comments/moderate-comment.ts'
import { MODERATORS } from '#src/app/item/moderators.ts'
import type { FinishDependencies } from '#src/app/lot-terms/finish-change.ts'
import { REPORT_REASONS, type ReportReason, readReason } from '#src/domain/moderation.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { moderationErrors } from '#src/errors.ts'
import { readActions } from '#src/infra/postgres/moderation/moderation-actions.ts'
import {
  type QueuedReport,
  readReport,
  readReports,
} from '#src/infra/postgres/moderation/reports.ts'
import { type ModerateCommand, removeItem, restoreItem } from './remove-item.ts'
import { dismiss } from './report.ts'

const MODERATION = '/api/v1/moderation'
const tags = ['moderation']
const route = { config: MODERATORS }
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Union([type, Type.Null()])

const QueuedReportAnswer = Type.Object(
  {
    id: Uuid,
    itemId: Uuid,
    itemName: Type.String(),
    itemStatus: Type.String(),
    sellerId: Uuid,
    comment: nullable(
      Type.Object({
        id: Uuid,
        authorId: Uuid,
        content: Type.String(),
        state: Type.String(),
      }),
    ),
    reason: Type.String({ description: 'As reported, or words: found by the list' }),
    note: Type.String(),
    reporterId: nullable(Uuid),
    state: Type.String(),
    createdAt: Instant,
  },
  { title: 'QueuedReport' },
)

const Queue = Type.Object(
  {
    items: Type.Array(QueuedReportAnswer),
    counts: Type.Record(Type.String(), Type.Integer(), {
      description: 'How many reports of each reason are in this state.',
    }),
    page: Type.Integer(),
    pageSize: Type.Integer(),
    totalItems: Type.Integer(),
    totalPages: Type.Integer(),
  },
  { title: 'ReportQueue' },
)

const Actions = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        sequence: Type.Integer(),
        at: Instant,
        actorId: Uuid,
        action: Type.String(),
        itemId: Uuid,
        commentId: nullable(Uuid),
        reportId: nullable(Uuid),
        reason: nullable(Type.String()),
      }),
    ),
  },
  { title: 'ModerationActionList' },
)

/** The queue of reports, the decisions of moderators, and their record. */
export async function moderationRoutes(app: App, dependencies: FinishDependencies): Promise<void> {
  queueRoute(app, dependencies)
  actionsRoute(app, dependencies)
  const { db } = dependencies
  const verbs: [string, string, string, (command: ModerateCommand) => Promise<void>][] = [
    [
      'reports/:id/dismiss',
      'dismissReport',
      'Find nothing wrong',
      (command) => dismiss(db, command),
    ],
    [
      'items/:id/remove',
      'removeItem',
      'Hide an item',
      (command) => removeItem(dependencies, command),
    ],
    [
      'items/:id/restore',
      'restoreItem',
      'Show it again',
      (command) => restoreItem(dependencies, command),
    ],
    [
      'comments/:id/remove',
      'removeComment',
      'Hide a comment',
      (command) => moderateComment(dependencies, command),
    ],
    [
      'comments/:id/restore',
      'restoreComment',
      'Show it again',
      (command) => restoreComment(dependencies, command),
    ],
  ]
  for (const [path, operationId, summary, act] of verbs) {
    app.post(
      `${MODERATION}/${path}`,
      {
        ...route,
        schema: {
          tags,
          operationId,
          summary: `${summary}, saying why (moderators)`,
          params: Type.Object({ id: Uuid }),
          body: Type.Object(
            { reason: WrittenText(TEXTS.reason) },
            { ...STRICT, title: 'ModerationReason' },
          ),
          response: answers({ 204: Type.Null() }, [409]),
        },
      },
      async (request, reply) => {
        const reason = readReason(request.body.reason)
        if (reason === undefined) throw moderationErrors.invalid({ field: 'reason' })
        await act({ id: request.params.id, actorId: request.user.id, reason, trace: request.trace })
        return reply.code(204).send(null)
      },
    )
  }
}

function queueRoute(app: App, { db }: FinishDependencies): void {
  app.get(
    `${MODERATION}/reports`,
    {
      ...route,
      schema: {
        tags,
        operationId: 'listReports',
        summary: 'Reports, the oldest first (moderators)',
        querystring: Type.Object(
          {
            state: Type.Union(
              [Type.Literal('open'), Type.Literal('upheld'), Type.Literal('dismissed')],
              { default: 'open' },
            ),
            page: Type.Integer({ minimum: 1, maximum: 10_000, default: 1 }),
            limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
            reason: Type.Optional(OneOf([...REPORT_REASONS, 'words'])),
          },
          STRICT,
        ),
        response: answers({ 200: Queue }),
      },
    },
    async (request, reply) => {
      const { state, page, limit, reason } = request.query
      const search = { state, reason: reason as ReportReason | undefined, limit }
      const { reports, counts } = await readReports(db, { ...search, offset: (page - 1) * limit })
      const totalItems = Object.entries(counts)
        .filter(([of]) => reason === undefined || of === reason)
        .reduce((sum, [, count]) => sum + count, 0)
      reply.header('cache-control', 'no-store')
      return {
        items: reports.map(reportAnswer),
        counts,
        page,
        pageSize: limit,
        totalItems,
        totalPages: Math.ceil(totalItems / limit),
      }
    },
  )
  app.get(
    `${MODERATION}/reports/:id`,
    {
      ...route,
      schema: {
        tags,
        operationId: 'getReport',
        summary: 'One report, decided or not (moderators)',
        params: Type.Object({ id: Uuid }),
        response: answers({ 200: QueuedReportAnswer }),
      },
    },
    async (request, reply) => {
      const report = await readReport(db, request.params.id)
      if (report === undefined) throw moderationErrors.reportNotFound()
      reply.header('cache-control', 'no-store')
      return reportAnswer(report)
    },
  )
}

function reportAnswer({ commentId, comment, createdAt, ...rest }: QueuedReport) {
  return {
    ...rest,
    comment: commentId === null || comment === undefined ? null : { id: commentId, ...comment },
    createdAt: createdAt.toISOString(),
  }
}

function actionsRoute(app: App, { db }: FinishDependencies): void {
  app.get(
    `${MODERATION}/actions`,
    {
      ...route,
      schema: {
        tags,
        operationId: 'listModerationActions',
        summary: 'What moderators did, the latest first (moderators)',
        querystring: Type.Object(
          {
            itemId: Type.Optional(Uuid),
            before: Type.Integer({
              minimum: 1,
              maximum: Number.MAX_SAFE_INTEGER,
              default: Number.MAX_SAFE_INTEGER,
              description: 'the last sequence of the page before',
            }),
            limit: Type.Integer({ minimum: 1, maximum: 100, default: 50 }),
          },
          STRICT,
        ),
        response: answers({ 200: Actions }),
      },
    },
    async (request, reply) => {
      const { itemId, before, limit } = request.query
      const actions = await readActions(db, { itemId, before, limit })
      reply.header('cache-control', 'no-store')
      return { items: actions.map(({ at, ...rest }) => ({ ...rest, at: at.toISOString() })) }
    },
  )
}
