import { newId } from '@auction/common/ids.ts'
import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { ApprovalKind } from '#src/domain/approval.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Approval {
  id: string
  kind: ApprovalKind
  subjectId: string | null
  /** Null, as its version: a former version of this service asked. */
  subject: string | null
  version: string | null
  command: Record<string, unknown>
  currencyCode: string | null
  amount: bigint | null
  askedBy: string
  askedAt: Date
  expiresAt: Date
  state: 'open' | 'executed' | 'rejected' | 'expired'
  decidedBy: string | null
  decidedAt: Date | null
  resultId: string | null
  /** Whose payout it is about; null: it is about none. */
  sellerId: string | null
  /** It was open for too long, whatever its state says. */
  isOver: boolean
}

export interface NewApproval
  extends Pick<Approval, 'kind' | 'subjectId' | 'command' | 'currencyCode' | 'amount' | 'askedBy'> {
  subject: string
  version: string
  idempotencyKey: string | null
}

const COLUMNS = sql`
  id, kind, subject_id as "subjectId", subject, version, command, currency_code as "currencyCode", amount, asked_by as "askedBy",
  asked_at as "askedAt", expires_at as "expiresAt", state, decided_by as "decidedBy", decided_at as "decidedAt",
  result_id as "resultId",
  case kind when 'payout_outcome' then (
    select seller_id from payouts where payouts.id = (command ->> 'payoutId')::uuid) end as "sellerId",
  expires_at <= statement_timestamp() as "isOver"`

/** Writes what was asked for. Undefined: the operator has asked with this key already. */
export async function insertApproval(
  tx: Transaction<Database>,
  approval: NewApproval,
  expiryMs: number,
): Promise<Approval | undefined> {
  const { kind, subjectId, subject, version, command, currencyCode } = approval
  const { amount, askedBy, idempotencyKey } = approval
  const { rows } = await sql<Approval>`
    insert into approvals (id, kind, subject_id, subject, version, command, currency_code, amount, asked_by,
      idempotency_key, expires_at)
    values (${newId()}, ${kind}, ${subjectId}, ${subject}, ${version}, ${JSON.stringify(command)}::jsonb,
      ${currencyCode}, ${amount?.toString() ?? null}::bigint, ${askedBy}, ${idempotencyKey},
      clock_timestamp() + ${expiryMs} * interval '1 ms')
    on conflict do nothing
    returning ${COLUMNS}`.execute(tx)
  return rows[0]
}

/** Makes all wait that lock the same name, until the transaction ends. */
export async function lockName(tx: Transaction<Database>, name: string): Promise<void> {
  await sql`
    select pg_advisory_xact_lock(hashtextextended(${name}, ${ADVISORY_LOCKS.approvalSubject}))`.execute(
    tx,
  )
}

/** What an operator asked for with a key. A key of a refund is one of its order. */
export async function findApprovalByKey(
  tx: Transaction<Database>,
  {
    kind,
    subjectId,
    askedBy,
    idempotencyKey,
  }: Pick<NewApproval, 'kind' | 'subjectId' | 'askedBy'> & { idempotencyKey: string },
): Promise<Approval | undefined> {
  const { rows } = await sql<Approval>`
    select ${COLUMNS} from approvals
    where kind = ${kind} and asked_by = ${askedBy} and idempotency_key = ${idempotencyKey}
      and (kind <> 'refund' or subject_id = ${subjectId})`.execute(tx)
  return rows[0]
}

/** What an operator asked for before and is open, if it is the same on the same version. */
export async function findOpenRepeat(
  tx: Transaction<Database>,
  { kind, subject, version, askedBy, command }: NewApproval,
): Promise<Approval | undefined> {
  const { rows } = await sql<Approval>`
    select ${COLUMNS} from approvals
    where kind = ${kind} and subject = ${subject} and version = ${version} and asked_by = ${askedBy}
      and command = ${JSON.stringify(command)}::jsonb and state = 'open' and expires_at > statement_timestamp()
    order by id limit 1`.execute(tx)
  return rows[0]
}

/** A request, if it is of one of these kinds. */
export async function readApproval(
  db: Kysely<Database>,
  id: string,
  kinds: readonly ApprovalKind[],
): Promise<Approval | undefined> {
  const { rows } = await sql<Approval>`
    select ${COLUMNS} from approvals where id = ${id} and kind = any (${[...kinds]}::text[])`.execute(
    db,
  )
  return rows[0]
}

/** Locks a request, so that one decision of it is the first. */
export async function lockApproval(
  tx: Transaction<Database>,
  id: string,
): Promise<Approval | undefined> {
  const { rows } = await sql<Approval>`
    select ${COLUMNS} from approvals where id = ${id} for update`.execute(tx)
  return rows[0]
}

/** Who has asked for something about the same that is open. */
export async function readAskers(
  tx: Transaction<Database>,
  { kind, subjectId, subject }: Pick<Approval, 'kind' | 'subjectId' | 'subject'>,
): Promise<string[]> {
  const rows = await tx
    .selectFrom('approvals')
    .select('asked_by as askedBy')
    .where((eb) => eb.or([eb('subject_id', '=', subjectId), eb('subject', '=', subject)]))
    .where('kind', '=', kind)
    .where('state', '=', 'open')
    .execute()
  return rows.map(({ askedBy }) => askedBy)
}

/** How a request ended. The caller has locked it while it was open. */
export async function decideApproval(
  tx: Transaction<Database>,
  id: string,
  decision: { state: 'executed' | 'rejected'; decidedBy: string; resultId: string | null },
): Promise<Approval> {
  const { rows } = await sql<Approval>`
    update approvals set state = ${decision.state}, decided_by = ${decision.decidedBy},
      decided_at = clock_timestamp(), result_id = ${decision.resultId}
    where id = ${id} and state = 'open' returning ${COLUMNS}`.execute(tx)
  const [row] = rows
  if (row === undefined) throw new Error(`approval ${id} is not open`)
  return row
}

/** Those that no one decided in time are over; returns how many these were. */
export async function expireApprovals(db: Kysely<Database>): Promise<number> {
  const { numAffectedRows } = await sql`
    update approvals set state = 'expired', decided_at = clock_timestamp()
    where state = 'open' and expires_at <= statement_timestamp()`.execute(db)
  return Number(numAffectedRows ?? 0)
}

/** Requests of some kinds, the latest first. */
export async function listApprovals(
  db: Kysely<Database>,
  {
    kinds,
    state,
    after,
    limit,
  }: {
    kinds: readonly ApprovalKind[]
    state: Approval['state'] | undefined
    after: string | undefined
    limit: number
  },
): Promise<Approval[]> {
  const { rows } = await sql<Approval>`
    select ${COLUMNS} from approvals
    where kind = any (${[...kinds]}::text[])
      and (${state ?? null}::text is null or state = ${state ?? null})
      and (${after ?? null}::uuid is null or id < ${after ?? null}::uuid)
    order by id desc limit ${limit}`.execute(db)
  return rows
}

export interface ApprovalBacklog {
  open: number
  oldestSeconds: number
}

export async function readApprovalBacklog(db: Kysely<Database>): Promise<ApprovalBacklog> {
  const { rows } = await sql<ApprovalBacklog>`
    select count(*)::int as open,
      coalesce(extract(epoch from clock_timestamp() - min(asked_at)), 0)::float8 as "oldestSeconds"
    from approvals where state = 'open'`.execute(db)
  return rows[0] ?? { open: 0, oldestSeconds: 0 }
}

/** What operators gave back of an order without asking another one, in minor units. */
export async function readGivenAlone(
  tx: Transaction<Database>,
  { paymentId, orderId, sellerId }: { paymentId: string; orderId: string; sellerId: string },
): Promise<bigint> {
  const { rows } = await sql<{ amount: bigint }>`
    select coalesce(sum(amount), 0)::bigint as amount from refunds r
    where payment_id = ${paymentId} and order_id = ${orderId} and owed_id is null and state <> 'failed'
      and requested_by <> ${sellerId}
      and not exists (select from approvals a where a.result_id = r.id)`.execute(tx)
  return rows[0]?.amount ?? 0n
}
