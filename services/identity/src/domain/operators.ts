import { readText } from '@auction/common/text.ts'
import { isAdmin, isOperator } from './roles.ts'
import { TEXTS } from './texts.ts'

/** `deleting`: closed by its owner, and deleted when the days are over in which they can keep it. */
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

// Dots and dashes are to be seen, but say nothing.
const SAYS_SOMETHING = /[\p{L}\p{N}]/u

/** Why something was done, in composed form without outer blanks; undefined when it says nothing. */
export function normaliseReason(text: string): string | undefined {
  const read = readText(text, TEXTS.reason)
  return read.ok && SAYS_SOMETHING.test(read.text) ? read.text : undefined
}
