import type { Transaction } from 'kysely'
import { recordAudit } from '#src/infra/postgres/audit.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { CheckedFactor } from './check-factor.ts'

export type FactorChange =
  | 'two_factor.enabled'
  | 'two_factor.disabled'
  | 'two_factor.recovery_codes_replaced'
  | 'two_factor.recovery_code_used'
  | 'passkey.added'
  | 'passkey.removed'

/** Writes down what a user changed about their own second factors; call it last. */
export async function recordFactorChange(
  tx: Transaction<Database>,
  action: FactorChange,
  { id }: { id: string },
  details: Readonly<Record<string, string>> = {},
): Promise<void> {
  await recordAudit(tx, { action, actorId: id, subjectId: id, details })
}

/** Codes of an app and passkeys are everyday; a recovery code means that a phone or a list is lost. */
export async function recordFactorUse(
  tx: Transaction<Database>,
  userId: string,
  { kind }: CheckedFactor,
): Promise<void> {
  if (kind !== 'recovery') return
  await recordFactorChange(tx, 'two_factor.recovery_code_used', { id: userId })
}
