import type { Timer } from '@auction/common/process/repeat.ts'
import { REPORT_DAYS_MAX } from '#src/domain/mail-report.ts'
import { abandonDeliveries, readDeliveryLag } from '#src/infra/postgres/mail/mail-deliveries.ts'
import { countReportsOfDay, purgeReports } from '#src/infra/postgres/mail/mail-reports.ts'
import { purgeMails, readMailLag, repeatAbandonedMails } from '#src/infra/postgres/mail/mails.ts'
import { countSuppressions } from '#src/infra/postgres/mail/suppressions.ts'
import type { NoticeMailer } from './send-notices.ts'
import { type SecurityMailDependencies, sendNextSecurityMail } from './send-security-mails.ts'

const SEND_INTERVAL_MS = 500
const ABANDONED_INTERVAL_MS = 10_000
const MEASURE_INTERVAL_MS = 10_000
const PURGE_INTERVAL_MS = 60_000
const RETENTION_DAYS = 30
const PURGE_BATCH = 1_000

export interface MailSenders {
  security: SecurityMailDependencies
  /** So many mails about security are sent at once. */
  securityLanes: number
  notices: NoticeMailer
}

/** Sends mails. A server that hangs stops the mail that it hangs on, and no other. */
export function sendingTimers({ security, securityLanes, notices }: MailSenders): Timer[] {
  return [
    ...Array.from({ length: securityLanes }, (_, index) => ({
      name: `send mails about security ${index + 1}`,
      intervalMs: SEND_INTERVAL_MS,
      async run(stopping?: AbortSignal) {
        while (stopping?.aborted !== true && (await sendNextSecurityMail(security, stopping)));
      },
    })),
    {
      name: 'send notices by mail',
      intervalMs: SEND_INTERVAL_MS,
      run: (stopping) => notices.run(stopping),
    },
  ]
}

export interface MailUpkeep extends Pick<SecurityMailDependencies, 'db' | 'metrics' | 'log'> {
  /** A process that sends one mail for longer has ended. */
  leaseSeconds: number
}

/** What is repeated for mails whether there is a server or not. */
export function mailTimers({ db, metrics, log, leaseSeconds }: MailUpkeep): Timer[] {
  return [
    {
      name: 'abandoned mails',
      intervalMs: ABANDONED_INTERVAL_MS,
      async run() {
        const mails = await repeatAbandonedMails(db, leaseSeconds)
        const deliveries = await abandonDeliveries(db, leaseSeconds)
        if (mails + deliveries === 0) return
        log.warn({ mails, deliveries }, 'a process ended while it sent mails')
      },
    },
    {
      name: 'purge mails',
      intervalMs: PURGE_INTERVAL_MS,
      async run() {
        await purgeMails(db, RETENTION_DAYS, PURGE_BATCH)
        // A day more than a return address is believed, so that none that is comes twice.
        await purgeReports(db, REPORT_DAYS_MAX + 1, PURGE_BATCH)
      },
    },
    {
      name: 'measure mails',
      intervalMs: MEASURE_INTERVAL_MS,
      async run() {
        metrics.lag('mail', Math.max(await readMailLag(db), await readDeliveryLag(db)))
        metrics.suppressedAddresses(await countSuppressions(db))
        metrics.reportsOfDay(await countReportsOfDay(db))
      },
    },
  ]
}
