import { sql } from 'kysely'
import type { TestDb } from './helper.ts'

/** The mails that were asked for so far, oldest first. */
export async function readMails(db: TestDb): Promise<Record<string, string>[]> {
  const { rows } = await sql<{ payload: Record<string, string> }>`
    select event->'envelope'->'payload' as payload
      from outbox, json_array_elements(events) as event
     where event->>'key' = 'identity.mail.requested.v1' order by outbox.seq`.execute(db)
  return rows.map(({ payload }) => payload)
}
