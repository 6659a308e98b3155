import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { sql, type Transaction } from 'kysely'
import type { CommentState } from '#src/domain/comment.ts'
import type { ItemStatus } from '#src/domain/item.ts'
import {
  REPORT_WINDOW_MINUTES,
  type ReportReason,
  type ReportState,
} from '#src/domain/moderation.ts'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface NewReport {
  id: string
  itemId: string
  commentId: string | null
  /** Null: found by the worker. */
  reporterId: string | null
  reason: ReportReason
  note: string
}

export interface Report extends NewReport {
  state: ReportState
  createdAt: Date
}

/** A report with what it is about, as moderators see it. */
export interface QueuedReport extends Report {
  itemName: string
  itemStatus: ItemStatus
  sellerId: string
  comment: { authorId: string; content: string; state: CommentState } | undefined
}

/** Counts a user's recent reports, under that user's lock; the oldest of them counts for `waitSeconds` more. */
export async function countRecentReports(
  tx: Transaction<Database>,
  reporterId: string,
): Promise<{ count: number; waitSeconds: number }> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${reporterId}, ${ADVISORY_LOCKS.reportsOfUser}))`.execute(
    tx,
  )
  const window = sql`make_interval(mins => ${REPORT_WINDOW_MINUTES})`
  const { rows } = await sql<{ count: number; waitSeconds: number }>`
    select count(*)::int as count,
           coalesce(ceil(extract(epoch from min(created_at) + ${window} - statement_timestamp())), 0)::int
             as "waitSeconds"
      from reports
     where reporter_id = ${reporterId} and created_at > statement_timestamp() - ${window}`.execute(
    tx,
  )
  return rows[0] ?? { count: 0, waitSeconds: 0 }
}

/** This user's open report about this, if there is one. */
export async function readOpenReport(
  db: Executor,
  { itemId, commentId, reporterId }: Pick<NewReport, 'itemId' | 'commentId' | 'reporterId'>,
): Promise<Report | undefined> {
  return db
    .selectFrom('reports')
    .select(COLUMNS)
    .where('item_id', '=', itemId)
    .where('comment_id', 'is not distinct from', commentId)
    .where('reporter_id', 'is not distinct from', reporterId)
    .where('state', '=', 'open')
    .executeTakeFirst()
}

/** Stores a report; undefined when there is an open one of the same already. */
export async function insertReport(db: Executor, report: NewReport): Promise<Report | undefined> {
  return db
    .insertInto('reports')
    .values({
      id: report.id,
      item_id: report.itemId,
      comment_id: report.commentId,
      reporter_id: report.reporterId,
      reason: report.reason,
      note: report.note,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning(COLUMNS)
    .executeTakeFirst()
}

/** Decides all open reports about an item itself, or about one comment. */
export async function decideReports(
  tx: Transaction<Database>,
  about: { itemId: string; commentId: string | null },
  state: Exclude<ReportState, 'open'>,
  by: string,
): Promise<void> {
  await tx
    .updateTable('reports')
    .set({ state, decided_at: sql<Date>`clock_timestamp()`, decided_by: by })
    .where('item_id', '=', about.itemId)
    .where('comment_id', 'is not distinct from', about.commentId)
    .where('state', '=', 'open')
    .execute()
}

/** Decides one open report. Undefined when there is no such report; isDecided when it was before. */
export async function dismissReport(
  tx: Transaction<Database>,
  id: string,
  by: string,
): Promise<{ report: Report; isDecided: boolean } | undefined> {
  const report = await tx
    .selectFrom('reports')
    .select(COLUMNS)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  if (report === undefined) return undefined
  if (report.state !== 'open') return { report, isDecided: true }
  await tx
    .updateTable('reports')
    .set({ state: 'dismissed', decided_at: sql<Date>`clock_timestamp()`, decided_by: by })
    .where('id', '=', id)
    .execute()
  return { report: { ...report, state: 'dismissed' }, isDecided: false }
}

export interface ReportSearch {
  state: ReportState
  /** Undefined: of every kind. */
  reason: ReportReason | undefined
  limit: number
  offset: number
}

/** A page of the queue, the oldest first, and how many there are of each kind in this state. */
export async function readReports(
  db: Executor,
  { state, reason, limit, offset }: ReportSearch,
): Promise<{ reports: QueuedReport[]; counts: Partial<Record<ReportReason, number>> }> {
  const ofState = selectQueued(db).where('reports.state', '=', state)
  const rows = await (reason === undefined ? ofState : ofState.where('reason', '=', reason))
    .orderBy('reports.created_at')
    .orderBy('reports.id')
    .limit(limit)
    .offset(offset)
    .execute()
  const counted = await db
    .selectFrom('reports')
    .select((eb) => ['reason', eb.fn.countAll<bigint>().as('count')])
    .where('state', '=', state)
    .groupBy('reason')
    .execute()
  const counts = Object.fromEntries(counted.map(({ reason, count }) => [reason, Number(count)]))
  return { reports: rows.map(queuedReport), counts }
}

/** One report, decided or not. */
export async function readReport(db: Executor, id: string): Promise<QueuedReport | undefined> {
  const row = await selectQueued(db).where('reports.id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : queuedReport(row)
}

function selectQueued(db: Executor) {
  return db
    .selectFrom('reports')
    .innerJoin('items', 'items.id', 'reports.item_id')
    .leftJoin('comments', 'comments.id', 'reports.comment_id')
    .select(COLUMNS)
    .select(['items.name as itemName', 'items.status as itemStatus', 'items.seller_id as sellerId'])
    .select([
      'comments.author_id as authorId',
      'comments.content',
      'comments.state as commentState',
    ])
}

type QueuedRow = Awaited<ReturnType<ReturnType<typeof selectQueued>['execute']>>[number]

function queuedReport({ authorId, content, commentState, ...report }: QueuedRow): QueuedReport {
  const hasComment = authorId !== null && content !== null && commentState !== null
  return {
    ...report,
    comment: hasComment ? { authorId, content, state: commentState } : undefined,
  }
}

export interface OpenReports {
  people: number
  words: number
  oldestSeconds: number
}

/** Counts the reports that wait for a moderator. */
export async function countOpenReports(db: Executor): Promise<OpenReports> {
  const { rows } = await sql<OpenReports>`
    select count(*) filter (where reason <> 'words')::int as people,
      count(*) filter (where reason = 'words')::int as words,
      coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8
        as "oldestSeconds"
    from reports where state = 'open'`.execute(db)
  return rows[0] ?? { people: 0, words: 0, oldestSeconds: 0 }
}

const COLUMNS = [
  'reports.id',
  'reports.item_id as itemId',
  'reports.comment_id as commentId',
  'reports.reporter_id as reporterId',
  'reports.reason',
  'reports.note',
  'reports.state',
  'reports.created_at as createdAt',
] as const
