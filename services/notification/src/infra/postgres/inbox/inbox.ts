import { type Kysely, sql } from 'kysely'
import type { NoticeData, Template } from '#src/domain/notices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Where a page of an inbox ended. */
export interface InboxPosition {
  readonly shownAt: Date
  readonly id: string
}

export interface InboxNotice extends InboxPosition {
  readonly template: Template
  readonly data: NoticeData
  readonly happenedAt: Date
  readonly readAt: Date | null
}

export interface InboxPage {
  readonly limit: number
  readonly after: InboxPosition | undefined
  readonly isUnreadOnly: boolean
}

/** Notices of a user, the latest shown first. */
export async function readInbox(
  db: Kysely<Database>,
  userId: string,
  { limit, after, isUnreadOnly }: InboxPage,
): Promise<InboxNotice[]> {
  const { rows } = await sql<InboxNotice>`
    select id, template, data, happened_at as "happenedAt", shown_at as "shownAt",
      read_at as "readAt"
    from notices
    where user_id = ${userId} and state = 'shown'
      and ${isUnreadOnly ? sql`read_at is null` : sql`true`}
      and ${after === undefined ? sql`true` : sql`(shown_at, id) < (${after.shownAt}, ${after.id}::uuid)`}
    order by shown_at desc, id desc limit ${limit}`.execute(db)
  return rows
}

/** Counting stops here, because every page of the web asks for it. */
export const UNREAD_COUNTED_MAX = 1_000

export async function countUnread(db: Kysely<Database>, userId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (
      select from notices where user_id = ${userId} and state = 'shown' and read_at is null
      limit ${UNREAD_COUNTED_MAX}
    ) as unread`.execute(db)
  return rows[0]?.count ?? 0
}

/** Marks one notice as read; again changes nothing. False when the user has no such notice. */
export async function markRead(
  db: Kysely<Database>,
  userId: string,
  noticeId: string,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update notices set read_at = coalesce(read_at, clock_timestamp())
    where id = ${noticeId} and user_id = ${userId} and shown_at is not null`.execute(db)
  return numAffectedRows === 1n
}

/**
 * Marks a notice and all that were shown before it as read. False when the user has no such notice. A
 * later one may have taken its place meanwhile: then it still says how far the user has read.
 */
export async function markReadUpTo(
  db: Kysely<Database>,
  userId: string,
  noticeId: string,
): Promise<boolean> {
  const { rows } = await sql<{ isKnown: boolean }>`
    with last as materialized (
      select shown_at, id from notices
      where id = ${noticeId} and user_id = ${userId} and shown_at is not null
    ), unread as materialized (
      -- In the order of ids, as the dispatcher locks those that it supersedes.
      select notice.id from notices as notice, last
      where notice.user_id = ${userId} and notice.state = 'shown' and notice.read_at is null
        and (notice.shown_at, notice.id) <= (last.shown_at, last.id)
      order by notice.id for no key update of notice
    ), marked as (
      update notices set read_at = clock_timestamp() from unread where notices.id = unread.id
    )
    select exists (select from last) as "isKnown"`.execute(db)
  return rows[0]?.isKnown ?? false
}
