import type { Transaction } from 'kysely'
import { recordAudit } from '#src/infra/postgres/audit.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { LockedUser } from '#src/infra/postgres/two-factor.ts'

export type FactorChange =
  | 'two_factor.enabled'
  | 'two_factor.disabled'
  | 'two_factor.recovery_codes_replaced'

/** Writes down what a user changed about their own second factors; call it last. */
export async function recordFactorChange(
  tx: Transaction<Database>,
  action: FactorChange,
  { id }: Pick<LockedUser, 'id'>,
  details: Readonly<Record<string, string>> = {},
): Promise<void> {
  await recordAudit(tx, { action, actorId: id, subjectId: id, details })
}
