import { newId } from '@auction/common/ids.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface MailRequest {
  id: string
  emailNormalised: string
  trace: Trace
}

/** Records that a link is to be mailed to an address. */
export async function insertMailRequest(
  db: Kysely<Database>,
  emailNormalised: string,
  trace: Trace,
): Promise<void> {
  await db
    .insertInto('mail_requests')
    .values({
      id: newId(),
      kind: 'reset',
      email_normalised: emailNormalised,
      trace: JSON.stringify(trace),
    })
    .execute()
}

/** Takes the oldest request that no other worker is at; it is gone when the transaction commits. */
export async function takeMailRequest(tx: Transaction<Database>): Promise<MailRequest | undefined> {
  const { rows } = await sql<MailRequest>`
    delete from mail_requests where id = (
      select id from mail_requests order by id limit 1 for update skip locked)
    returning id, email_normalised as "emailNormalised", trace`.execute(tx)
  return rows[0]
}
