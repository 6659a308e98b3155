import type { Transaction } from 'kysely'
import { identityErrors } from '#src/errors.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  type CookieChange,
  type KeptCookie,
  replaceCookie,
} from '#src/infra/postgres/sessions/sessions.ts'

/** Another cookie for the session of a browser. */
export interface CookieRenewal {
  secret: string
  change: CookieChange
}

/**
 * Renames the session in the transaction of what it is trusted with from now on, so that neither
 * is without the other. When it was renamed meanwhile the change does not happen: it may be that
 * of a stranger who holds the old name. Undefined for a session without a cookie.
 */
export async function renewCookie(
  tx: Transaction<Database>,
  renewal: CookieRenewal | undefined,
): Promise<KeptCookie | undefined> {
  if (renewal === undefined) return undefined
  const kept = await replaceCookie(tx, renewal.change)
  if (kept === undefined) throw identityErrors.unauthenticated()
  return kept
}
