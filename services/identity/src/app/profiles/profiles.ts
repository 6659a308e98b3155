import { createEvent } from '@auction/common/contracts/event.ts'
import { userUpdated } from '@auction/common/contracts/identity.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import { judgeProfile, type ProfileChange } from '#src/domain/profile.ts'
import { identityErrors } from '#src/errors.ts'
import { type Profile, readProfile, saveProfile } from '#src/infra/postgres/profiles/profiles.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { LiveSession } from '#src/infra/postgres/sessions/sessions.ts'
import { lockSessionUser, setName } from '#src/infra/postgres/users/users.ts'

export interface ProfileDependencies {
  db: Kysely<Database>
}

export async function findProfile(db: Kysely<Database>, id: string): Promise<Profile> {
  const profile = await readProfile(db, id)
  if (profile === undefined) throw identityErrors.userNotFound()
  return profile
}

/** Only the owner writes a profile; operators do not. */
export function requireOwner(session: LiveSession, id: string): void {
  if (session.id !== id) throw identityErrors.notYourProfile()
}

/** Changes the owner's own profile; a new name is published for services that show it. */
export async function changeProfile(
  { db }: ProfileDependencies,
  session: LiveSession,
  change: ProfileChange,
  trace: Trace,
): Promise<void> {
  const verdict = judgeProfile(change)
  if (verdict.outcome === 'invalid') throw identityErrors.invalidProfile({ field: verdict.field })
  const { name, fields } = verdict
  await outboxTransaction(db, async (tx) => {
    const user = await lockSessionUser(tx, session)
    if (user === undefined) throw identityErrors.unauthenticated()
    await saveProfile(tx, user.id, fields)
    if (name === undefined || name === user.name) return
    const sequence = await setName(tx, user.id, name)
    const context = { aggregateId: user.id, sequence, trace }
    const payload = { userId: user.id, changedFields: ['name'], name }
    await writeOutbox(tx, [createEvent(userUpdated, context, payload)])
  })
}
