import type { Transaction } from 'kysely'
import type { OperatorVerdict } from '#src/domain/operators.ts'
import { identityErrors } from '#src/errors.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { isSessionAlive, type LiveSession } from '#src/infra/postgres/sessions/sessions.ts'
import type { LockedAccount } from '#src/infra/postgres/users/users.ts'

/**
 * The operator who acts, as their account is under the lock: an operator who was suspended while this
 * waited for the lock acts no more.
 */
export async function actorAmong(
  tx: Transaction<Database>,
  accounts: readonly LockedAccount[],
  { id, sessionId }: LiveSession,
): Promise<LockedAccount> {
  const actor = accounts.find((account) => account.id === id)
  const mayAct = actor?.status === 'active' && (await isSessionAlive(tx, sessionId))
  if (actor === undefined || !mayAct) throw identityErrors.unauthenticated()
  return actor
}

/** The account an operator acts on; throws what stands against it. */
export function permitted(
  verdict: OperatorVerdict,
  target: LockedAccount | undefined,
): LockedAccount {
  if (verdict === 'forbidden') throw identityErrors.forbidden()
  if (verdict === 'yourself') throw identityErrors.yourself()
  if (verdict === 'unknown_user' || target === undefined) throw identityErrors.userNotFound()
  return target
}
