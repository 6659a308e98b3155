import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { type Selectable, sql, type Transaction } from 'kysely'
import type { CommentKind, CommentState } from '#src/domain/comment.ts'
import { COMMENT_WINDOW_MINUTES } from '#src/domain/comment.ts'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import type { CommentsTable, Database } from '#src/infra/postgres/schema.ts'

export interface Comment {
  id: string
  itemId: string
  rootId: string
  parentId: string | null
  authorId: string
  kind: CommentKind
  content: string
  state: CommentState
  createdAt: Date
}

/** Threads of one page; replies lie under the first comment of their thread, oldest first. */
export interface Thread extends Comment {
  replies: Comment[]
}

export const REPLIES_SHOWN_MAX = 200

/** A comment of this item; undefined when it is under another item. */
export async function readComment(
  db: Executor,
  itemId: string,
  id: string,
): Promise<Comment | undefined> {
  const row = await db
    .selectFrom('comments')
    .selectAll()
    .where('item_id', '=', itemId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row === undefined ? undefined : toComment(row)
}

/** Counts a user's recent comments, under that user's lock; the oldest of them counts for `waitSeconds` more. */
export async function countRecentComments(
  tx: Transaction<Database>,
  authorId: string,
): Promise<{ count: number; waitSeconds: number }> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${authorId}, ${ADVISORY_LOCKS.commentsOfAuthor}))`.execute(
    tx,
  )
  const window = sql`make_interval(mins => ${COMMENT_WINDOW_MINUTES})`
  return tx
    .selectFrom('comments')
    .select([
      sql<number>`count(*)::int`.as('count'),
      sql<number>`coalesce(ceil(extract(epoch from min(created_at) + ${window} - statement_timestamp())), 0)::int`.as(
        'waitSeconds',
      ),
    ])
    .where('author_id', '=', authorId)
    .where('created_at', '>', sql<Date>`statement_timestamp() - ${window}`)
    .executeTakeFirstOrThrow()
}

/** Stores a comment. */
export async function insertComment(
  tx: Transaction<Database>,
  comment: Omit<Comment, 'state' | 'createdAt'>,
): Promise<Comment> {
  const row = await tx
    .insertInto('comments')
    .values({
      id: comment.id,
      item_id: comment.itemId,
      root_id: comment.rootId,
      parent_id: comment.parentId,
      author_id: comment.authorId,
      kind: comment.kind,
      content: comment.content,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return toComment(row)
}

/** Marks a visible comment as removed; false when it was before. The text stays for moderators. */
export async function markCommentRemoved(
  tx: Transaction<Database>,
  id: string,
  state: Exclude<CommentState, 'visible'>,
  by: string,
): Promise<boolean> {
  const result = await tx
    .updateTable('comments')
    .set({ state, state_changed_by: by, state_changed_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('state', '=', 'visible')
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** A comment by its id alone. */
export async function readAnyComment(db: Executor, id: string): Promise<Comment | undefined> {
  const row = await db.selectFrom('comments').selectAll().where('id', '=', id).executeTakeFirst()
  return row === undefined ? undefined : toComment(row)
}

/** Shows a comment that a moderator removed; false when none did. */
export async function markCommentRestored(tx: Transaction<Database>, id: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('comments')
    .set({ state: 'visible', state_changed_by: null, state_changed_at: null })
    .where('id', '=', id)
    .where('state', '=', 'removed')
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** A page of an item's threads, the newest first. */
export async function readThreads(
  db: Executor,
  itemId: string,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ threads: Thread[]; totalItems: number }> {
  const roots = await db
    .selectFrom('comments')
    .selectAll()
    .where('item_id', '=', itemId)
    .where('parent_id', 'is', null)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute()
  const count = await db
    .selectFrom('comments')
    .select((eb) => eb.fn.countAll<bigint>().as('count'))
    .where('item_id', '=', itemId)
    .where('parent_id', 'is', null)
    .executeTakeFirstOrThrow()
  const replies = await readReplies(
    db,
    roots.map(({ id }) => id),
  )
  const threads = roots.map((root) => ({ ...toComment(root), replies: replies.get(root.id) ?? [] }))
  return { threads, totalItems: Number(count.count) }
}

/** The first replies of each thread, so that a very long thread does not fill the page. */
async function readReplies(db: Executor, rootIds: string[]): Promise<Map<string, Comment[]>> {
  const byRoot = new Map<string, Comment[]>()
  if (rootIds.length === 0) return byRoot
  const { rows } = await sql<Selectable<CommentsTable>>`
    select reply.*
      from unnest(${rootIds}::uuid[]) as roots (id)
     cross join lateral (
       select * from comments
        where root_id = roots.id and parent_id is not null
        order by created_at, id limit ${REPLIES_SHOWN_MAX}) as reply`.execute(db)
  for (const row of rows) {
    const reply = toComment(row)
    const known = byRoot.get(reply.rootId)
    if (known === undefined) byRoot.set(reply.rootId, [reply])
    else known.push(reply)
  }
  return byRoot
}

function toComment(row: Selectable<CommentsTable>): Comment {
  return {
    id: row.id,
    itemId: row.item_id,
    rootId: row.root_id,
    parentId: row.parent_id,
    authorId: row.author_id,
    kind: row.kind,
    content: row.content,
    state: row.state,
    createdAt: row.created_at,
  }
}
