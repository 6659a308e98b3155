import { itemCommentCreated, itemCommentDeleted } from '@auction/common/contracts/auction.ts'
import { createEvent } from '@auction/common/contracts/event.ts'
import { newId } from '@auction/common/ids.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import {
  COMMENTS_MAX,
  type CommentKind,
  judgeComment,
  judgeRemoval,
  readContent,
} from '#src/domain/comment.ts'
import { isPublic } from '#src/domain/item.ts'
import { commentErrors, itemErrors } from '#src/errors.ts'
import {
  type Comment,
  countRecentComments,
  insertComment,
  markCommentRemoved,
  readComment,
} from '#src/infra/postgres/comments/comments.ts'
import { type Executor, readItem } from '#src/infra/postgres/item/items.ts'
import { recordAction } from '#src/infra/postgres/moderation/moderation-actions.ts'
import { decideReports } from '#src/infra/postgres/moderation/reports.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface CommentDependencies {
  db: Kysely<Database>
}

export interface CommentCommand {
  itemId: string
  authorId: string
  content: string
  parentId: string | null
  kind: CommentKind
  trace: Trace
}

/** Stores a comment, question or answer under a public item and publishes it. */
export async function writeComment(
  { db }: CommentDependencies,
  command: CommentCommand,
): Promise<{ comment: Comment; sellerId: string }> {
  const { itemId, authorId, parentId, kind, trace } = command
  const content = readContent(command.content)
  if (content === undefined) throw commentErrors.invalid({ field: 'content' })
  return outboxTransaction(db, async (tx) => {
    const { sellerId } = await publicItem(tx, itemId)
    const parent = parentId === null ? undefined : await readComment(tx, itemId, parentId)
    if (parentId !== null && parent?.state !== 'visible') throw commentErrors.parentNotFound()
    const isSeller = sellerId === authorId
    const verdict = judgeComment({ kind, isSeller, parentKind: parent?.kind })
    if (verdict !== 'fine') throw commentErrors.invalid({ field: 'kind', reason: verdict })
    const recent = await countRecentComments(tx, authorId)
    if (recent.count >= COMMENTS_MAX) throw commentErrors.tooMany(recent.waitSeconds)
    const id = newId()
    const rootId = parent?.rootId ?? id
    const comment = await insertComment(tx, {
      id,
      itemId,
      rootId,
      parentId,
      authorId,
      kind,
      content,
    })
    await writeOutbox(tx, [
      createEvent(itemCommentCreated, context(itemId, trace), {
        id,
        itemId,
        authorId,
        content,
        kind,
        ...(parent === undefined ? {} : { parentId: parent.id, parentAuthorId: parent.authorId }),
        sellerId,
        createdAt: comment.createdAt.toISOString(),
      }),
    ])
    return { comment, sellerId }
  })
}

export interface RemoveCommand {
  itemId: string
  commentId: string
  callerId: string
  isModerator: boolean
  trace: Trace
}

/** Removes a comment; its replies stay. Removing it again changes nothing. */
export async function removeComment(
  { db }: CommentDependencies,
  { itemId, commentId, callerId, isModerator, trace }: RemoveCommand,
): Promise<void> {
  await outboxTransaction(db, async (tx) => {
    const { sellerId } = await publicItem(tx, itemId)
    const comment = await readComment(tx, itemId, commentId)
    if (comment === undefined) throw commentErrors.notFound()
    const { authorId } = comment
    const state = judgeRemoval({
      isAuthor: authorId === callerId,
      isSeller: sellerId === callerId,
      isModerator,
    })
    if (state === undefined) throw commentErrors.forbidden()
    if (!(await markCommentRemoved(tx, commentId, state, callerId))) return
    if (state === 'removed') {
      const about = { itemId, commentId, reason: null }
      await recordAction(tx, { actorId: callerId, action: 'comment_removed', ...about })
      await decideReports(tx, { itemId, commentId }, 'upheld', callerId)
    }
    const deletedAt = (await readClock(tx)).toISOString()
    await writeOutbox(tx, [
      createEvent(itemCommentDeleted, context(itemId, trace), {
        id: commentId,
        itemId,
        authorId,
        reason: state,
        deletedAt,
      }),
    ])
  })
}

/** The item, if it is public; comments of a hidden item are hidden too. */
export async function publicItem(db: Executor, itemId: string): Promise<{ sellerId: string }> {
  const read = await readItem(db, itemId)
  if (read?.item.status === 'removed') throw itemErrors.removed()
  if (read === undefined || !isPublic(read.item.status)) throw commentErrors.itemNotFound()
  return read.item
}

const context = (itemId: string, trace: Trace) => ({
  aggregateId: itemId,
  trace,
})
