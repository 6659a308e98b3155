import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import {
  REPORT_KINDS,
  type ReportKind,
  SOFT_BOUNCE_DAYS_MAX,
  type SoftBounces,
} from '#src/domain/mail-report.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface NewReport {
  readonly addressDigest: Buffer
  readonly mailTag: Buffer
  readonly kind: ReportKind
}

/** One transaction at a time counts what is reported of an address. */
export async function lockReports(tx: Transaction<Database>, addressDigest: Buffer): Promise<void> {
  const seed = ADVISORY_LOCKS.mailReportsOfAddress
  await sql`select pg_advisory_xact_lock(
    hashtextextended(${addressDigest.toString('hex')}, ${seed}))`.execute(tx)
}

/** False: it is known. */
export async function insertReport(
  tx: Transaction<Database>,
  { addressDigest, mailTag, kind }: NewReport,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('mail_reports')
    .values({ address_digest: addressDigest, mail_tag: mailTag, kind })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

export async function readSoftBounces(
  tx: Transaction<Database>,
  addressDigest: Buffer,
): Promise<SoftBounces> {
  const { rows } = await sql<SoftBounces>`
    select count(*)::int as mails,
      coalesce(extract(epoch from max(reported_at) - min(reported_at)) / 86400, 0)::float8 as days
    from mail_reports
    where address_digest = ${addressDigest} and kind = 'soft_bounce' and is_counted
      and reported_at > statement_timestamp() - make_interval(days => ${SOFT_BOUNCE_DAYS_MAX})`.execute(
    tx,
  )
  return rows[0] ?? { mails: 0, days: 0 }
}

/** What was reported of an address until now counts no more; it stays known. */
export async function forgiveReports(
  tx: Transaction<Database>,
  addressDigest: Buffer,
): Promise<void> {
  await tx
    .updateTable('mail_reports')
    .set({ is_counted: false })
    .where('address_digest', '=', addressDigest)
    .where('is_counted', '=', true)
    .execute()
}

/** Mails that something was reported of in the last day, by kind. */
export async function countReportsOfDay(db: Kysely<Database>): Promise<Map<ReportKind, number>> {
  const { rows } = await sql<{ kind: ReportKind; count: number }>`
    select kind, count(*)::int as count from mail_reports
    where reported_at > statement_timestamp() - interval '1 day' group by kind`.execute(db)
  const counts = new Map(rows.map(({ kind, count }) => [kind, count]))
  return new Map(REPORT_KINDS.map((kind) => [kind, counts.get(kind) ?? 0]))
}

/** Deletes reports that are so old that none like them is believed any more. Returns their number. */
export async function purgeReports(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from mail_reports where (address_digest, mail_tag, kind) in (
      select address_digest, mail_tag, kind from mail_reports
      where reported_at < statement_timestamp() - make_interval(days => ${retentionDays})
      order by reported_at limit ${limit})`.execute(db)
  return Number(numAffectedRows)
}
