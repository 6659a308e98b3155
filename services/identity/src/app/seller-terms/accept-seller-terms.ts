import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import { recordRoles } from '#src/app/operators/record-roles.ts'
import { withRole } from '#src/domain/roles.ts'
import { SELLER_TERMS_VERSION } from '#src/domain/seller-terms.ts'
import { identityErrors } from '#src/errors.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  insertAcceptedSellerTerms,
  readAcceptedSellerTerms,
} from '#src/infra/postgres/seller-terms/accepted-terms.ts'
import type { LiveSession } from '#src/infra/postgres/sessions/sessions.ts'
import { lockSessionUser } from '#src/infra/postgres/users/users.ts'

/**
 * Makes a user who agrees to the present terms a seller; answers the roles. A user who agreed once
 * and is no seller had the role taken away, and does not get it back this way.
 */
export async function acceptSellerTerms(
  { db }: { db: Kysely<Database> },
  session: LiveSession,
  version: string,
  trace: Trace,
): Promise<string[]> {
  if (version !== SELLER_TERMS_VERSION)
    throw identityErrors.termsChanged({ version: SELLER_TERMS_VERSION })
  const roles = await outboxTransaction(db, async (tx) => {
    const user = await lockSessionUser(tx, session)
    if (user === undefined) throw identityErrors.unauthenticated()
    const { id } = user
    const accepted = await readAcceptedSellerTerms(tx, id)
    const isSeller = user.roles.includes('seller')
    if (!isSeller && accepted.length > 0) throw identityErrors.sellerWithdrawn()
    if (accepted.includes(version)) return user.roles
    await insertAcceptedSellerTerms(tx, id, version)
    const details = { terms: 'seller', version }
    if (isSeller) {
      await recordAudit(tx, { action: 'terms.accepted', actorId: id, subjectId: id, details })
      return user.roles
    }
    const change = { role: 'seller', roles: withRole(user.roles, 'seller'), actorId: id } as const
    await recordRoles(tx, id, { action: 'role.accepted', ...change, details }, trace)
    return change.roles
  })
  return roles
}
