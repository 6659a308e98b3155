import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import type { Mails } from '#src/app/mails/mails.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { LockedAccount } from '#src/infra/postgres/users/users.ts'

/** Records that a locked account is not deleted as was asked, and requests a mail to its owner. */
export async function recordRefusedDeletion(
  tx: Transaction<Database>,
  mails: Mails,
  { id: userId, email: to, name }: LockedAccount,
  { actorId, trace }: { actorId: string | null; trace: Trace },
): Promise<void> {
  const mail = { template: 'account_deletion_refused', to, name, userId } as const
  await writeOutbox(tx, [mails.request(mail, trace)])
  await recordAudit(tx, {
    action: 'user.deletion_refused',
    actorId,
    subjectId: userId,
    details: {},
  })
}
