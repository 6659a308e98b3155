import { sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface WrittenText {
  itemId: string
  commentId: string | null
  text: string
}

/** Takes texts that were not checked yet; when the transaction fails they stay. */
export async function takeTexts(tx: Transaction<Database>, limit: number): Promise<WrittenText[]> {
  const { rows } = await sql<WrittenText>`
    with taken as (
      delete from word_checks where seq in (
        select seq from word_checks order by seq limit ${limit} for update skip locked)
      returning item_id, comment_id
    )
    select distinct taken.item_id as "itemId", taken.comment_id as "commentId",
      coalesce(comments.content, items.name || ' ' || items.description) as text
    from taken
    join items on items.id = taken.item_id
    left join comments on comments.id = taken.comment_id`.execute(tx)
  return rows
}
