import { isDeepStrictEqual } from 'node:util'
import type { Transaction } from 'kysely'
import type { ApprovalKind, ApprovalRules } from '#src/domain/approval.ts'
import { paymentErrors } from '#src/errors.ts'
import {
  type Approval,
  findApprovalByKey,
  findOpenRepeat,
  insertApproval,
} from '#src/infra/postgres/approvals/approvals.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { lockSubject } from './subjects.ts'

export interface Request {
  kind: ApprovalKind
  subjectId: string | null
  /** What is executed when it is approved. */
  command: object
  askedBy: string
  money?: { amount: bigint; currencyCode: string }
  idempotencyKey: string | undefined
}

/**
 * An operator asked for something that another one has to approve, on the state that it is in now. The same request with the same
 * key is the same approval, whatever became of it; without a key, or with another one, it is the same while it is open. A refund
 * always has a key, and another key is another refund.
 */
export async function ask(
  tx: Transaction<Database>,
  rules: ApprovalRules,
  request: Request,
): Promise<Approval> {
  const known = await findAsked(tx, request)
  if (known !== undefined) return known
  const { kind, subjectId, askedBy, money, idempotencyKey } = request
  const command = { ...request.command }
  const wanted = {
    kind,
    subjectId,
    ...(await lockSubject(tx, { kind, command })),
    command,
    currencyCode: money?.currencyCode ?? null,
    amount: money?.amount ?? null,
    askedBy,
    idempotencyKey: idempotencyKey ?? null,
  }
  const repeated = kind === 'refund' ? undefined : await findOpenRepeat(tx, wanted)
  if (repeated !== undefined) return repeated
  // One with the same key may have come at the same time.
  const asked = (await insertApproval(tx, wanted, rules.expiryMs)) ?? (await findAsked(tx, request))
  if (asked === undefined) throw new Error('no approval was written')
  return asked
}

/** What was asked for with this key before. Throws when that was something else. */
export async function findAsked(
  tx: Transaction<Database>,
  { kind, subjectId, askedBy, command, idempotencyKey }: Omit<Request, 'money'>,
): Promise<Approval | undefined> {
  if (idempotencyKey === undefined) return undefined
  const known = await findApprovalByKey(tx, { kind, subjectId, askedBy, idempotencyKey })
  if (known === undefined) return undefined
  if (known.subjectId === subjectId && isDeepStrictEqual(known.command, { ...command })) {
    return known
  }
  throw paymentErrors.idempotencyKeyReused()
}
