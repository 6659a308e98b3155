import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import { identityErrors } from '#src/errors.ts'
import { insertRegistration } from '#src/infra/postgres/accounts/registrations.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readUnverified } from '#src/infra/postgres/users/users.ts'

/** `optional`: accounts can be used before their address is verified. */
export type EmailVerification = 'required' | 'optional'

/**
 * Refuses users whose address was never verified: accounts are that old, or were opened while this
 * was optional. Says so only to who proved to be the owner, and has a new link mailed.
 */
export async function requireVerifiedEmail(
  { db, emailVerification }: { db: Kysely<Database>; emailVerification: EmailVerification },
  userId: string,
  trace: Trace,
): Promise<void> {
  if (emailVerification === 'optional') return
  const unverified = await readUnverified(db, userId)
  if (unverified === undefined) return
  await insertRegistration(db, { ...unverified, locale: null }, trace)
  throw identityErrors.emailNotVerified()
}
