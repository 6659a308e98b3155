import type { Transaction } from 'kysely'
import { recordAudit } from '#src/infra/postgres/audit.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { CheckedCode } from './check-code.ts'

export type FactorChange =
  | 'two_factor.enabled'
  | 'two_factor.disabled'
  | 'two_factor.recovery_codes_replaced'
  | 'two_factor.recovery_code_used'

/** Writes down what a user changed about their own second factors; call it last. */
export async function recordFactorChange(
  tx: Transaction<Database>,
  action: FactorChange,
  { id }: { id: string },
  details: Readonly<Record<string, string>> = {},
): Promise<void> {
  await recordAudit(tx, { action, actorId: id, subjectId: id, details })
}

/** An app code is everyday; a recovery code means that a phone is lost, or that a list is. */
export async function recordCodeUse(
  tx: Transaction<Database>,
  userId: string,
  { kind }: CheckedCode,
): Promise<void> {
  if (kind === 'totp') return
  await recordFactorChange(tx, 'two_factor.recovery_code_used', { id: userId })
}
