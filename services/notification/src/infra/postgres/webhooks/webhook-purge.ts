import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Deletes a batch of old messages with their attempts; returns how many. */
export async function purgeMessages(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from webhook_messages where id in (
      select id from webhook_messages
      where created_at < statement_timestamp() - make_interval(days => ${retentionDays})
      order by created_at limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** Deletes a batch of messages of deleted endpoints; returns how many. */
export async function purgeMessagesOfDeleted(db: Kysely<Database>, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from webhook_messages where id in (
      select message.id
      from (select id from webhook_endpoints where state = 'deleted' order by id limit 100) as gone
      join webhook_messages as message on message.endpoint_id = gone.id
      limit ${limit})`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** Deletes a batch of deleted endpoints that have no messages any more. */
export async function purgeDeletedEndpoints(db: Kysely<Database>, limit: number): Promise<void> {
  await sql`
    delete from webhook_endpoints where id in (
      select id from webhook_endpoints as endpoint where state = 'deleted'
        and not exists (select from webhook_messages where endpoint_id = endpoint.id)
      order by id limit ${limit} for update skip locked)`.execute(db)
}

/** Forgets a batch of secrets before the present ones that do not sign any more; returns how many. */
export async function forgetPreviousSecrets(db: Kysely<Database>, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    update webhook_endpoints set sealed_previous_secret = null, previous_secret_until = null
    where id in (
      select id from webhook_endpoints where previous_secret_until < statement_timestamp()
      order by previous_secret_until limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}
