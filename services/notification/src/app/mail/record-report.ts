import type { Kysely } from 'kysely'
import { isDeadBySoftBounces, REPORT_DAYS_MAX, type ReportKind } from '#src/domain/mail-report.ts'
import { readReport } from '#src/domain/read-report.ts'
import { type ReturnTicket, readReturn } from '#src/infra/crypto/return-token.ts'
import {
  insertReport,
  lockReports,
  readSoftBounces,
} from '#src/infra/postgres/mail/mail-reports.ts'
import { suppressAddress } from '#src/infra/postgres/mail/suppressions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Why a report changed nothing. */
export const IGNORED_CODES = [
  'mail.not_a_report',
  'mail.no_failure',
  'mail.unknown_return_address',
  'mail.return_address_expired',
  'mail.report_repeated',
] as const
export type IgnoredCode = (typeof IGNORED_CODES)[number]

/** `suppressed`: the address gets no notices. `counted`: it does until more of its mails bounce. */
export type ReportResult =
  | { readonly outcome: 'suppressed' | 'counted' }
  | { readonly outcome: 'ignored'; readonly code: IgnoredCode }

export interface ReportDependencies {
  db: Kysely<Database>
  /** Signs what mails carry to come back with. */
  returnKey: Buffer
}

const DAY_MS = 86_400_000

const ignored = (code: IgnoredCode): ReportResult => ({ outcome: 'ignored', code })

/** Records what a server or a reader says of a mail. Again, or with a word that is not ours, it does nothing. */
export async function recordReport(
  { db, returnKey }: ReportDependencies,
  { kind, returnTexts }: { kind: ReportKind; returnTexts: readonly string[] },
  now: Date,
): Promise<ReportResult> {
  const ticket = returnTexts.reduce<ReturnTicket | undefined>(
    (found, text) => found ?? readReturn(returnKey, text),
    undefined,
  )
  if (ticket === undefined) return ignored('mail.unknown_return_address')
  if (now.getTime() - ticket.sentAt.getTime() > REPORT_DAYS_MAX * DAY_MS) {
    return ignored('mail.return_address_expired')
  }
  const { addressDigest, mailTag } = ticket
  return db.transaction().execute(async (tx) => {
    await lockReports(tx, addressDigest)
    const isNew = await insertReport(tx, { addressDigest, mailTag, kind })
    if (!isNew) return ignored('mail.report_repeated')
    const isDead =
      kind !== 'soft_bounce' || isDeadBySoftBounces(await readSoftBounces(tx, addressDigest))
    if (!isDead) return { outcome: 'counted' }
    await suppressAddress(tx, addressDigest, kind === 'complaint' ? 'complaint' : 'bounce')
    return { outcome: 'suppressed' }
  })
}

/** The same with a report as servers and providers mail it. */
export async function recordMailedReport(
  deps: ReportDependencies,
  mail: Buffer,
  now: Date,
): Promise<ReportResult> {
  // Its header fields are ASCII, and nothing else of it is looked at.
  const report = readReport(mail.toString('latin1'))
  return 'ignored' in report ? ignored(`mail.${report.ignored}`) : recordReport(deps, report, now)
}
