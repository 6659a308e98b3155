import { isAdmin, isOperator } from './roles.ts'

/** `deleting`: closed by its owner, and deleted shortly. */
export type AccountStatus = 'active' | 'suspended' | 'deleting' | 'deleted'

/** An account as it is under the lock of the change that is judged. */
export interface Account {
  id: string
  roles: readonly string[]
  status: AccountStatus
}

export type OperatorVerdict = 'fine' | 'forbidden' | 'unknown_user' | 'yourself'

/** Whether the actor may suspend or reinstate the target: operators may, but not themselves. */
export function judgeOperator(actor: Account, target: Account | undefined): OperatorVerdict {
  if (!isOperator(actor.roles)) return 'forbidden'
  if (target === undefined || target.status === 'deleted') return 'unknown_user'
  if (target.id === actor.id) return 'yourself'
  return isAdmin(target.roles) && !isAdmin(actor.roles) ? 'forbidden' : 'fine'
}

/** Whether there is an admin left who can log in once this one is none any more. */
export function isLastAdmin(accounts: readonly Account[], id: string): boolean {
  return !accounts.some((one) => one.id !== id && one.status === 'active' && isAdmin(one.roles))
}

const REASON_LENGTH_MAX = 500
// Invisible characters have no place in what other operators and the audit show.
const FORBIDDEN = /(?![\n\u200c\u200d])[\p{C}\p{Zl}\p{Zp}]/u
const VISIBLE = /[\p{L}\p{N}]/u

/** Why something was done, in composed form without outer blanks; undefined when it says nothing. */
export function normaliseReason(text: string): string | undefined {
  const reason = text.normalize('NFC').trim()
  if (FORBIDDEN.test(reason) || !VISIBLE.test(reason)) return undefined
  return [...reason].length <= REASON_LENGTH_MAX ? reason : undefined
}
