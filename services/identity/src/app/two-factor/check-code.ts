import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely, Transaction } from 'kysely'
import type { IdentityMetrics } from '#src/app/metrics/identity-metrics.ts'
import { readCode } from '#src/domain/two-factor.ts'
import { identityErrors } from '#src/errors.ts'
import { openTotpSecret } from '#src/infra/crypto/sealed-totp-secret.ts'
import { digestOf } from '#src/infra/crypto/secrets.ts'
import { findTotpStep } from '#src/infra/crypto/totp.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { spendRecoveryCode } from '#src/infra/postgres/two-factor/recovery-codes.ts'
import {
  admitTotpTry,
  readTotpWait,
  spendTotpStep,
} from '#src/infra/postgres/two-factor/totp-secrets.ts'

export interface CheckCodeDependencies {
  db: Kysely<Database>
  box: SecretBox
  metrics: IdentityMetrics
}

/** A code that looks right; it counts once `spendCode` has used it up. */
export type CheckedCode = { kind: 'totp'; step: number } | { kind: 'recovery'; digest: Buffer }

/**
 * Judges a code outside of any transaction, because the try must stay counted when the rest fails.
 * Throws identity.invalid_code, or identity.too_many_codes when no try is left.
 */
export async function checkCode(
  deps: CheckCodeDependencies,
  userId: string,
  text: string,
): Promise<CheckedCode> {
  const typed = readCode(text)
  if (typed === undefined) throw refuse(deps)
  // 120 random bits need no counting, so that these still work while a guesser uses the tries up.
  if (typed.kind === 'recovery') return { kind: 'recovery', digest: digestOf(typed.code) }
  const admitted = await admitTotpTry(deps.db, userId)
  if (admitted === undefined) {
    const waitSeconds = await readTotpWait(deps.db, userId)
    // Without an app no code of one is right.
    if (waitSeconds === undefined) throw refuse(deps)
    deps.metrics.codeChecked('throttled')
    throw identityErrors.tooManyCodes(waitSeconds)
  }
  const step = await findTotpStep(
    openTotpSecret(deps.box, userId, admitted),
    typed.code,
    admitted.nowSeconds,
  )
  if (step === undefined) throw refuse(deps)
  return { kind: 'totp', step }
}

/** Uses a code up, in the transaction of what it allows; of parallel tries with it one passes. */
export async function spendCode(
  tx: Transaction<Database>,
  deps: CheckCodeDependencies,
  userId: string,
  checked: CheckedCode,
): Promise<void> {
  const isSpent =
    checked.kind === 'totp'
      ? await spendTotpStep(tx, userId, checked.step)
      : await spendRecoveryCode(tx, userId, checked.digest)
  if (!isSpent) throw refuse(deps)
  deps.metrics.codeChecked(checked.kind)
}

/** One answer for a wrong, an old and a used code. */
function refuse({ metrics }: CheckCodeDependencies) {
  metrics.codeChecked('refused')
  return identityErrors.invalidCode({ field: 'code' })
}
