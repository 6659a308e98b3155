import { createEvent } from '@auction/common/contracts/event.ts'
import { type Locale, userRegistered, userVerified } from '@auction/common/contracts/identity.ts'
import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { insertUser, type NewUser, setEmailVerified } from '#src/infra/postgres/users/users.ts'

/** Makes the account and announces it; false when the address has one already. */
export async function openAccount(
  tx: Transaction<Database>,
  user: NewUser & { locale: Locale | null },
  { trace, legacyAlias }: { trace: Trace; legacyAlias: boolean },
): Promise<boolean> {
  if (!(await insertUser(tx, user))) return false
  const { id: userId, name, email, locale } = user
  const context = { aggregateId: userId, trace, legacyAlias }
  const payload = { userId, name, email, ...(locale === null ? {} : { locale }) }
  await writeOutbox(tx, [createEvent(userRegistered, context, payload)])
  return true
}

/** Records that the address of an account is its owner's and publishes it, once; call it last. */
export async function recordVerification(
  tx: Transaction<Database>,
  { id: userId, emailNormalised }: { id: string; emailNormalised: string },
  trace: Trace,
): Promise<void> {
  const verified = await setEmailVerified(tx, userId, emailNormalised)
  if (verified === undefined) return
  const { version: sequence, email } = verified
  const context = { aggregateId: userId, sequence, trace }
  await writeOutbox(tx, [createEvent(userVerified, context, { userId, email })])
  await recordAudit(tx, {
    action: 'email.verified',
    actorId: null,
    subjectId: userId,
    details: {},
  })
}
