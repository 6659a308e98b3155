import { writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import type { Mail, Mails } from '#src/app/mails/mails.ts'
import type { FactorKind } from '#src/domain/two-factor.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Each is mailed to the owner, who may not be the person who did it. */
const TEMPLATE_OF = {
  'two_factor.enabled': 'two_factor_enabled',
  'two_factor.disabled': 'two_factor_disabled',
  'two_factor.recovery_codes_replaced': 'recovery_codes_replaced',
  'two_factor.recovery_code_used': 'recovery_code_used',
  'passkey.added': 'passkey_added',
  'passkey.removed': 'passkey_removed',
} as const satisfies Record<string, Mail['template']>

export type FactorChange = keyof typeof TEMPLATE_OF

export interface FactorOwner {
  id: string
  email: string
  name: string
}

export interface FactorChangeContext {
  mails: Mails
  trace: Trace
}

/**
 * Records what a user changed about their own second factors, and requests the mail about it; call
 * it last.
 */
export async function recordFactorChange(
  tx: Transaction<Database>,
  { mails, trace }: FactorChangeContext,
  action: FactorChange,
  { id, email, name }: FactorOwner,
  details: Readonly<Record<string, string>> = {},
): Promise<void> {
  const mail = { template: TEMPLATE_OF[action], to: email, name, userId: id }
  await writeOutbox(tx, [mails.request(mail, trace)])
  await recordAudit(tx, { action, actorId: id, subjectId: id, details })
}

/** Codes of an app and passkeys are everyday; a recovery code means that a phone or a list is lost. */
export async function recordFactorUse(
  tx: Transaction<Database>,
  context: FactorChangeContext,
  owner: FactorOwner,
  kind: FactorKind,
): Promise<void> {
  if (kind !== 'recovery') return
  await recordFactorChange(tx, context, 'two_factor.recovery_code_used', owner)
}
