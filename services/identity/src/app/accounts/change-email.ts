import { createEvent } from '@auction/common/contracts/event.ts'
import { type Locale, userUpdated } from '@auction/common/contracts/identity.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { trimText } from '@auction/common/text.ts'
import type { Kysely, Transaction } from 'kysely'
import type { Mails } from '#src/app/mails/mails.ts'
import { recordVerification } from '#src/app/users/open-account.ts'
import { readEmail } from '#src/domain/email.ts'
import { identityErrors, throttled } from '#src/errors.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import {
  type EmailChange,
  endEmailChanges,
  insertEmailChange,
  readLinkedChange,
} from '#src/infra/postgres/accounts/email-changes.ts'
import { deleteClaims, deleteRegistration } from '#src/infra/postgres/accounts/registrations.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import { forgetResets } from '#src/infra/postgres/passwords/password-resets.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  isSessionAlive,
  type LiveSession,
  revokeSessionsOfUser,
} from '#src/infra/postgres/sessions/sessions.ts'
import { lockAddress } from '#src/infra/postgres/users/addresses.ts'
import {
  type LockedUser,
  lockSessionUser,
  lockUser,
  readUserByAddress,
  setEmail,
} from '#src/infra/postgres/users/users.ts'

export interface ChangeEmailDependencies {
  db: Kysely<Database>
  mails: Mails
}

/**
 * Records the request of a user with a fresh proof for another address, in the same words and work
 * whether that has an account. The old address gets a mail at once: its owner may not be the person
 * who holds the session.
 */
export async function requestEmailChange(
  { db, mails }: ChangeEmailDependencies,
  session: LiveSession,
  { email: text, locale }: { email: string; locale: Locale | null },
  trace: Trace,
): Promise<void> {
  const address = readEmail(text)
  if (address === undefined) throw identityErrors.invalidEmail({ field: 'email' })
  const { id: userId, sessionId } = session
  await outboxTransaction(db, async (tx) => {
    const user = await lockSessionUser(tx, session)
    if (user === undefined) throw identityErrors.unauthenticated()
    const { shown: email, normalised: emailNormalised } = address
    const change = { userId, sessionId, email, emailNormalised, locale }
    const refused = await insertEmailChange(tx, change, trace)
    if (refused !== undefined) throw throttled(refused.waitSeconds)
    const { email: to, name } = user
    await writeOutbox(tx, [
      mails.request({ template: 'email_change_asked', to, name, userId }, trace),
    ])
    await recordAudit(tx, {
      action: 'email.change_asked',
      actorId: userId,
      subjectId: userId,
      details: {},
    })
  })
}

/**
 * Gives the account the address whose mailbox the link came from. Links that were mailed to the old
 * one die with it, and so does every session but the one that asked. A link works as long as that
 * one lives: a stranger's request ends when the owner ends the stranger's session.
 */
export async function confirmEmailChange(
  { db, mails }: ChangeEmailDependencies,
  token: string,
  trace: Trace,
): Promise<void> {
  const digest = digestOf(trimText(token))
  const asked = await readLinkedChange(db, digest)
  if (asked === undefined) throw identityErrors.invalidLink()
  await outboxTransaction(db, async (tx) => {
    await lockAddress(tx, asked.emailNormalised)
    const user = await lockUser(tx, asked.userId)
    // The link may have been used, or a newer request have come, while this waited.
    const change = await readLinkedChange(tx, digest)
    if (user === undefined || change === undefined) throw identityErrors.invalidLink()
    // A session that was ended, by a new password perhaps, takes its requests with it.
    if (!(await isSessionAlive(tx, change.sessionId))) throw identityErrors.invalidLink()
    const owner = await readUserByAddress(tx, change.emailNormalised)
    if (owner !== undefined && owner.id !== user.id) throw identityErrors.invalidLink()
    await settle(tx, { user, change, trace })
    const { id: userId, name, email: to } = user
    await writeOutbox(tx, [mails.request({ template: 'email_changed', to, name, userId }, trace)])
  })
}

async function settle(
  tx: Transaction<Database>,
  { user, change, trace }: { user: LockedUser; change: EmailChange; trace: Trace },
): Promise<void> {
  const { userId, email, emailNormalised, sessionId } = change
  const sequence = await setEmail(tx, userId, { email, emailNormalised })
  await endEmailChanges(tx, userId)
  await deleteClaims(tx, emailNormalised)
  // The account may itself have waited for its old address to be verified.
  await deleteRegistration(tx, userId)
  await forgetResets(tx, userId)
  await revokeSessionsOfUser(tx, userId, 'email_changed', sessionId)
  const context = { aggregateId: userId, sequence, trace }
  const payload = { userId, changedFields: ['email'], email }
  await writeOutbox(tx, [createEvent(userUpdated, context, payload)])
  await recordAudit(tx, {
    action: 'email.changed',
    actorId: user.id,
    subjectId: user.id,
    details: {},
  })
  await recordVerification(tx, { id: userId, emailNormalised }, trace)
}
