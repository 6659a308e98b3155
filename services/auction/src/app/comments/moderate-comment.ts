import { itemCommentDeleted } from '@auction/common/contracts/auction.ts'
import { createEvent } from '@auction/common/contracts/event.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { ModerateCommand } from '#src/app/moderation/remove-item.ts'
import { moderationErrors } from '#src/errors.ts'
import {
  markCommentRemoved,
  markCommentRestored,
  readAnyComment,
} from '#src/infra/postgres/comments/comments.ts'
import { recordAction } from '#src/infra/postgres/moderation/moderation-actions.ts'
import { decideReports } from '#src/infra/postgres/moderation/reports.ts'
import type { CommentDependencies } from './comments.ts'

/** Removes a comment with a reason; its replies stay. Removing it again changes nothing. */
export async function moderateComment(
  { db }: CommentDependencies,
  { id, actorId, reason, trace }: ModerateCommand,
): Promise<void> {
  await outboxTransaction(db, async (tx) => {
    const comment = await readAnyComment(tx, id)
    if (comment === undefined) throw moderationErrors.commentNotFound()
    const { itemId, authorId, state } = comment
    if (state === 'removed') return
    if (!(await markCommentRemoved(tx, id, 'removed', actorId)))
      throw moderationErrors.alreadyRemoved()
    await recordAction(tx, { actorId, action: 'comment_removed', itemId, commentId: id, reason })
    await decideReports(tx, { itemId, commentId: id }, 'upheld', actorId)
    const deletedAt = (await readClock(tx)).toISOString()
    await writeOutbox(tx, [
      createEvent(
        itemCommentDeleted,
        { aggregateId: itemId, trace },
        { id, itemId, authorId, reason: 'removed', deletedAt },
      ),
    ])
  })
}

/** Shows a comment again that a moderator removed; one that its author deleted stays deleted. */
export async function restoreComment(
  { db }: CommentDependencies,
  { id, actorId, reason }: ModerateCommand,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const comment = await readAnyComment(tx, id)
    if (comment === undefined) throw moderationErrors.commentNotFound()
    if (!(await markCommentRestored(tx, id))) throw moderationErrors.notRemoved()
    const { itemId } = comment
    await recordAction(tx, { actorId, action: 'comment_restored', itemId, commentId: id, reason })
  })
}
