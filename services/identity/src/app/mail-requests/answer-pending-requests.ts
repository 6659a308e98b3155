import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import type { Mail, Mails } from '#src/app/mails/mails.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { lockAddress } from '#src/infra/postgres/users/addresses.ts'

export interface MailRequestDependencies {
  db: Kysely<Database>
  mails: Mails
}

/** Requests that wait for a mail to an address, each to be answered once. */
export interface PendingRequests<PendingRequest extends { trace: Trace }> {
  /** One that waits, without a lock. */
  find(db: Kysely<Database>): Promise<{ id: string; emailNormalised: string } | undefined>
  /** The same, locked and marked as answered; undefined when another worker was faster. */
  take(tx: Transaction<Database>, id: string): Promise<PendingRequest | undefined>
  /** What it is answered with; undefined when nothing is to be said. */
  mailFor(tx: Transaction<Database>, pendingRequest: PendingRequest): Promise<Mail | undefined>
}

/**
 * Answers all pending requests, each in a transaction that begins with the lock on its address.
 * Returns the number of mails.
 */
export async function answerPendingRequests<PendingRequest extends { trace: Trace }>(
  { db, mails }: MailRequestDependencies,
  { find, take, mailFor }: PendingRequests<PendingRequest>,
): Promise<number> {
  let mailed = 0
  for (;;) {
    const next = await find(db)
    if (next === undefined) break
    const isMailed = await outboxTransaction(db, async (tx) => {
      await lockAddress(tx, next.emailNormalised)
      const pendingRequest = await take(tx, next.id)
      const mail = pendingRequest && (await mailFor(tx, pendingRequest))
      if (pendingRequest === undefined || mail === undefined) return false
      await writeOutbox(tx, [mails.request(mail, pendingRequest.trace)])
      return true
    })
    if (isMailed) mailed += 1
  }
  return mailed
}
