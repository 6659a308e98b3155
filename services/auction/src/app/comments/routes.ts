import { answers, Instant, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { type Static, Type } from 'typebox'
import { isModerator } from '#src/app/item/moderators.ts'
import { readVisibleItem } from '#src/app/item/visible-item.ts'
import { TEXTS } from '#src/domain/texts.ts'
import { commentErrors } from '#src/errors.ts'
import { type Comment, readThreads } from '#src/infra/postgres/comments/comments.ts'
import { type CommentDependencies, removeComment, writeComment } from './comments.ts'

const COMMENTS = '/api/v1/items/:id/comments'
const COMMENT = '/api/v1/items/:itemId/comments/:commentId'
const tags = ['comments']

const optional = Type.Optional
const Kind = Type.Union([Type.Literal('comment'), Type.Literal('question'), Type.Literal('answer')])

const CommentBody = Type.Object(
  {
    content: WrittenText(TEXTS.comment),
    parent_id: optional(Type.Union([Uuid, Type.Null()])),
    kind: optional(Kind),
  },
  { ...STRICT, title: 'NewComment' },
)

// These names are the original's, in which only comments are spelt like columns.
const fields = {
  id: Uuid,
  item_id: Uuid,
  user_id: Uuid,
  parent_id: Type.Union([Uuid, Type.Null()]),
  kind: Kind,
  content: Type.String({ description: 'Empty when the comment was deleted, hidden or removed.' }),
  state: Type.Union([
    Type.Literal('visible'),
    Type.Literal('deleted'),
    Type.Literal('hidden'),
    Type.Literal('removed'),
  ]),
  is_seller: Type.Boolean(),
  created_at: Instant,
}
const CommentAnswer = Type.Object(fields, { title: 'Comment' })

const CommentList = Type.Object(
  {
    items: Type.Array(Type.Object({ ...fields, replies: Type.Array(CommentAnswer) })),
    page: Type.Integer(),
    pageSize: Type.Integer(),
    totalItems: Type.Integer({ description: 'Threads, not comments.' }),
    totalPages: Type.Integer(),
  },
  { title: 'CommentThreadList' },
)

const ListQuery = Type.Object(
  {
    page: Type.Integer({ minimum: 1, maximum: 10_000, default: 1 }),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  },
  STRICT,
)

/** Comments, questions to the seller and their answers, in threads under an item. */
export async function commentRoutes(app: App, dependencies: CommentDependencies): Promise<void> {
  listRoute(app, dependencies)
  app.post(
    COMMENTS,
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags,
        operationId: 'createComment',
        summary: 'Comment on an item, ask its seller, or answer as the seller',
        params: Type.Object({ id: Uuid }),
        body: CommentBody,
        response: answers({ 201: CommentAnswer }),
      },
    },
    async (request, reply) => {
      const { user, params, body, trace } = request
      const { comment, sellerId } = await writeComment(dependencies, {
        itemId: params.id,
        authorId: user.id,
        content: body.content,
        parentId: body.parent_id ?? null,
        kind: body.kind ?? 'comment',
        trace,
      })
      reply.code(201)
      return commentAnswer(comment, sellerId)
    },
  )
  app.delete(
    COMMENT,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'deleteComment',
        summary: 'Remove a comment: your own, one under your item, or any as a moderator',
        params: Type.Object({ itemId: Uuid, commentId: Uuid }),
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      const { user, params, trace } = request
      await removeComment(dependencies, {
        ...params,
        callerId: user.id,
        isModerator: isModerator(user),
        trace,
      })
      return reply.code(204).send(null)
    },
  )
}

function listRoute(app: App, { db }: CommentDependencies): void {
  app.get(
    COMMENTS,
    {
      config: { auth: 'optional' },
      schema: {
        tags,
        operationId: 'listComments',
        summary: 'Threads under an item, newest first',
        params: Type.Object({ id: Uuid }),
        querystring: ListQuery,
        response: answers({ 200: CommentList }),
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const { page, limit } = request.query
      const { item } = await readVisibleItem(
        db,
        request.params.id,
        request.caller,
        commentErrors.itemNotFound,
      )
      const { sellerId } = item
      const offset = (page - 1) * limit
      const { threads, totalItems } = await readThreads(db, request.params.id, { limit, offset })
      return {
        items: threads.map((thread) => ({
          ...commentAnswer(thread, sellerId),
          replies: thread.replies.map((reply) => commentAnswer(reply, sellerId)),
        })),
        page,
        pageSize: limit,
        totalItems,
        totalPages: Math.ceil(totalItems / limit),
      }
    },
  )
}

/** A comment that is not visible keeps its place and loses its text. */
function commentAnswer(comment: Comment, sellerId: string): Static<typeof CommentAnswer> {
  return {
    id: comment.id,
    item_id: comment.itemId,
    user_id: comment.authorId,
    parent_id: comment.parentId,
    kind: comment.kind,
    content: comment.state === 'visible' ? comment.content : '',
    state: comment.state,
    is_seller: comment.authorId === sellerId,
    created_at: comment.createdAt.toISOString(),
  }
}
