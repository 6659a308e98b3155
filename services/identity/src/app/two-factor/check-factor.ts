import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { Transaction } from 'kysely'
import {
  type CheckedPasskey,
  checkPasskey,
  type PasskeyDependencies,
  refusePasskey,
  spendPasskey,
} from '#src/app/passkeys/check-passkey.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { type CheckCodeDependencies, type CheckedCode, checkCode, spendCode } from './check-code.ts'

export type FactorDependencies = CheckCodeDependencies & PasskeyDependencies

/** What a person offers beside the password. */
export type SecondFactor = { code: string } | { passkey: AuthenticationResponseJSON }

export type CheckedFactor = CheckedCode | CheckedPasskey

/** Judges a second factor outside of any transaction; it counts once `spendFactor` used it up. */
export async function checkFactor(
  deps: FactorDependencies,
  purpose: 'challenge' | 'reauthenticate',
  userId: string,
  factor: SecondFactor,
): Promise<CheckedFactor> {
  if ('code' in factor) return checkCode(deps, userId, factor.code)
  return checkPasskey(deps, purpose, factor.passkey, userId)
}

/** Uses a factor up, in the transaction of what it allows; of parallel tries with it one passes. */
export async function spendFactor(
  tx: Transaction<Database>,
  deps: FactorDependencies,
  userId: string,
  checked: CheckedFactor,
): Promise<void> {
  if (checked.kind !== 'passkey') return spendCode(tx, deps, userId, checked)
  if (!(await spendPasskey(tx, checked))) throw refusePasskey(deps)
  deps.metrics.passkey('accepted')
}
