import { newId } from '@auction/common/ids.ts'
import type { Kysely } from 'kysely'
import { isPublic } from '#src/domain/item.ts'
import { REPORTS_MAX, type ReportReason, readNote } from '#src/domain/moderation.ts'
import { itemErrors, moderationErrors, reportErrors } from '#src/errors.ts'
import { readComment } from '#src/infra/postgres/comments/comments.ts'
import { type Executor, readItem } from '#src/infra/postgres/item/items.ts'
import { recordAction } from '#src/infra/postgres/moderation/moderation-actions.ts'
import {
  countRecentReports,
  dismissReport,
  insertReport,
  type Report,
  readOpenReport,
} from '#src/infra/postgres/moderation/reports.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface ReportCommand {
  itemId: string
  commentId: string | null
  reporterId: string
  reason: ReportReason
  note: string
}

/** Reports an item or comment. A second report while the first is open gives the same answer. */
export async function report(db: Kysely<Database>, command: ReportCommand): Promise<Report> {
  const note = readNote(command.note)
  if (note === undefined) throw reportErrors.invalid({ field: 'note' })
  return db.transaction().execute(async (tx) => {
    await refuseOwn(tx, command)
    // Under this user's lock, so two requests at once are one report.
    const recent = await countRecentReports(tx, command.reporterId)
    const known = await readOpenReport(tx, command)
    if (known !== undefined) return known
    if (recent.count >= REPORTS_MAX) throw reportErrors.tooMany(recent.waitSeconds)
    const stored = await insertReport(tx, { ...command, id: newId(), note })
    if (stored === undefined) throw new Error('a report was inserted without its lock')
    return stored
  })
}

async function refuseOwn(db: Executor, { itemId, commentId, reporterId }: ReportCommand) {
  const read = await readItem(db, itemId)
  if (read?.item.status === 'removed') throw itemErrors.removed()
  if (read === undefined || !isPublic(read.item.status)) throw reportErrors.itemNotFound()
  if (commentId === null) {
    if (read.item.sellerId === reporterId) throw reportErrors.own()
    return
  }
  const comment = await readComment(db, itemId, commentId)
  if (comment?.state !== 'visible') throw reportErrors.commentNotFound()
  if (comment.authorId === reporterId) throw reportErrors.own()
}

/** Dismisses a report: the moderator found nothing wrong. */
export async function dismiss(
  db: Kysely<Database>,
  { id, actorId, reason }: { id: string; actorId: string; reason: string },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const dismissed = await dismissReport(tx, id, actorId)
    if (dismissed === undefined) throw moderationErrors.reportNotFound()
    if (dismissed.isDecided) throw moderationErrors.reportDecided()
    const { itemId, commentId } = dismissed.report
    const about = { itemId, commentId, reportId: id }
    await recordAction(tx, { actorId, action: 'report_dismissed', ...about, reason })
  })
}
