import type { Caller } from '@auction/common/http/auth.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Transaction } from 'kysely'
import { type ApprovalKind, KINDS, refuseDecider } from '#src/domain/approval.ts'
import { approvalErrors } from '#src/errors.ts'
import {
  type Approval,
  decideApproval,
  lockApproval,
  readAskers,
} from '#src/infra/postgres/approvals/approvals.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { type ExecuteDependencies, execute, partiesOf } from './execute.ts'
import { lockSubject } from './subjects.ts'

/** Moderators decide about refunds, as they ask for them; everything else is for administrators. */
export const kindsOf = ({ roles }: Pick<Caller, 'roles'>): ApprovalKind[] =>
  roles.includes('admin') ? [...KINDS] : ['refund']

/**
 * A second operator decides about a request, once: the first decision counts, and the operator who made it may repeat
 * it. Who asked for it may reject it too. What is approved is done in the transaction of the decision, so there is nothing between both that could be lost.
 * It is approved only while what it is about is as it was when it was asked for: an older request never undoes what a newer one did.
 */
export async function decide(
  dependencies: ExecuteDependencies,
  { id, state }: { id: string; state: 'executed' | 'rejected' },
  user: Pick<Caller, 'id' | 'roles'>,
): Promise<Approval> {
  const { approval, executed } = await outboxTransaction(dependencies.db, async (tx) => {
    const open = await lockApproval(tx, id)
    if (open === undefined || !kindsOf(user).includes(open.kind)) throw approvalErrors.notFound()
    // The answer to the first one was lost.
    if (open.state === state && open.decidedBy === user.id) return { approval: open }
    if (open.state !== 'open') throw approvalErrors.decided({ state: open.state })
    if (open.isOver) throw approvalErrors.expired()
    // Who asked may withdraw it. Two who ask for the same would block each other without.
    const isWithdrawn = state === 'rejected' && open.askedBy === user.id
    // Before it is read who else asks, and what it is about: both stay so until this is done.
    const current = state === 'executed' ? await lockSubject(tx, open) : undefined
    if (!isWithdrawn) await requireAnother(tx, open, user.id)
    if (current !== undefined && current.version !== open.version) throw approvalErrors.outdated()
    const done = state === 'executed' ? await execute(tx, dependencies, open) : undefined
    const decision = { state, decidedBy: user.id, resultId: done?.resultId ?? null }
    return { approval: await decideApproval(tx, id, decision), executed: done }
  })
  await executed?.afterwards?.()
  return approval
}

async function requireAnother(
  tx: Transaction<Database>,
  open: Approval,
  decider: string,
): Promise<void> {
  const request = { askedBy: open.askedBy, parties: await partiesOf(tx, open) }
  const refusal = refuseDecider(request, decider, await readAskers(tx, open))
  if (refusal === 'asked') throw approvalErrors.askedByYou()
  if (refusal === 'party') throw approvalErrors.aboutYou()
}
