import type { ModerationAction } from '#src/domain/moderation.ts'
import type { Executor } from '#src/infra/postgres/item/items.ts'

export interface NewAction {
  actorId: string
  action: ModerationAction
  itemId: string
  commentId?: string | null
  reportId?: string
  /** Null when the action needs none. */
  reason: string | null
}

export interface TakenAction extends Required<Omit<NewAction, 'reportId' | 'commentId'>> {
  sequence: number
  at: Date
  commentId: string | null
  reportId: string | null
}

/** Records who did what and why, in the transaction that does it. */
export async function recordAction(db: Executor, action: NewAction): Promise<void> {
  await db
    .insertInto('moderation_actions')
    .values({
      actor_id: action.actorId,
      action: action.action,
      item_id: action.itemId,
      comment_id: action.commentId ?? null,
      report_id: action.reportId ?? null,
      reason: action.reason,
    })
    .execute()
}

/** What moderators did, the latest first; of one item when it is named. */
export async function readActions(
  db: Executor,
  { itemId, before, limit }: { itemId: string | undefined; before: number; limit: number },
): Promise<TakenAction[]> {
  const rows = await db
    .selectFrom('moderation_actions')
    .selectAll()
    .$if(itemId !== undefined, (query) => query.where('item_id', '=', itemId ?? ''))
    .where('seq', '<', BigInt(before))
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    sequence: Number(row.seq),
    at: row.at,
    actorId: row.actor_id,
    action: row.action,
    itemId: row.item_id,
    commentId: row.comment_id,
    reportId: row.report_id,
    reason: row.reason,
  }))
}
