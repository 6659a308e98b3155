import { newId } from '@auction/common/ids.ts'
import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { sql, type Transaction } from 'kysely'
import { UNASKED_MAILS_PER_HOUR_MAX } from '#src/domain/lifetimes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * Decisions about one address follow one another, also while no row of it exists.
 * Always taken before any row is locked, so that transactions never wait in a circle.
 */
export async function lockAddress(
  tx: Transaction<Database>,
  emailNormalised: string,
): Promise<void> {
  await sql`select pg_advisory_xact_lock(${ADVISORY_LOCKS.mailAddress}, hashtext(${emailNormalised}))`.execute(
    tx,
  )
}

/** Counts a mail that its receiver may not have asked for; false when it is one too many. */
export async function admitUnaskedMail(
  tx: Transaction<Database>,
  emailNormalised: string,
): Promise<boolean> {
  const recent = await tx
    .selectFrom('unasked_mails')
    .select((eb) => eb.fn.countAll<bigint>().as('count'))
    .where('email_normalised', '=', emailNormalised)
    .where('asked_at', '>', sql<Date>`statement_timestamp() - interval '1 hour'`)
    .executeTakeFirstOrThrow()
  if (Number(recent.count) >= UNASKED_MAILS_PER_HOUR_MAX) return false
  await tx
    .insertInto('unasked_mails')
    .values({ id: newId(), email_normalised: emailNormalised })
    .execute()
  return true
}
