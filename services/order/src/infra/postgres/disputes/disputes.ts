import { newId } from '@auction/common/ids.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Role } from '#src/domain/order.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export const DISPUTE_REASONS = ['not_arrived', 'not_as_described', 'damaged', 'other'] as const
export type DisputeReason = (typeof DISPUTE_REASONS)[number]

export interface Dispute {
  readonly id: string
  readonly orderId: string
  readonly openedBy: string
  readonly reason: DisputeReason
  readonly openedAt: Date
  readonly answerBy: Date
  /** `refunded`: all of the money was given back meanwhile, and no one decided. */
  readonly resolution: 'buyer' | 'seller' | 'withdrawn' | 'refunded' | null
  readonly refundAmount: bigint | null
  readonly resolvedAt: Date | null
}

const COLUMNS = sql.raw(`
  id, order_id as "orderId", opened_by as "openedBy", reason, opened_at as "openedAt",
  answer_by as "answerBy", resolution, refund_amount as "refundAmount", resolved_at as "resolvedAt"`)

export async function insertDispute(
  tx: Transaction<Database>,
  dispute: Pick<Dispute, 'orderId' | 'openedBy' | 'reason' | 'openedAt' | 'answerBy'>,
): Promise<string> {
  const id = newId()
  await sql`
    insert into disputes (id, order_id, opened_by, reason, opened_at, answer_by)
    values (${id}, ${dispute.orderId}, ${dispute.openedBy}, ${dispute.reason},
      ${dispute.openedAt}, ${dispute.answerBy})`.execute(tx)
  return id
}

/** The last dispute of an order, open or not. */
export async function readDisputeOf(
  db: Kysely<Database>,
  orderId: string,
): Promise<Dispute | undefined> {
  const { rows } = await sql<Dispute>`
    select ${COLUMNS} from disputes where order_id = ${orderId} order by id desc limit 1`.execute(
    db,
  )
  return rows[0]
}

export async function hasDispute(db: Kysely<Database>, orderId: string): Promise<boolean> {
  return (await readDisputeOf(db, orderId)) !== undefined
}

export async function resolveDispute(
  tx: Transaction<Database>,
  disputeId: string,
  {
    resolution,
    refundAmount,
    by,
    at,
  }: {
    resolution: 'buyer' | 'seller' | 'withdrawn'
    refundAmount: bigint | null
    by: string
    at: Date
  },
): Promise<void> {
  await sql`
    update disputes set resolution = ${resolution}, refund_amount = ${refundAmount},
      resolved_by = ${by}, resolved_at = ${at}
    where id = ${disputeId} and resolution is null`.execute(tx)
}

/** Ends the open dispute of an order whose money was all given back. */
export async function closeRefundedDispute(
  tx: Transaction<Database>,
  orderId: string,
  at: Date,
): Promise<void> {
  await sql`
    update disputes set resolution = 'refunded', resolved_at = ${at}
    where order_id = ${orderId} and resolution is null`.execute(tx)
}

export interface DisputeMessage {
  readonly id: string
  readonly author: Role
  readonly content: string
  readonly writtenAt: Date
}

/** Messages of one dispute that people write; a page shows all of them, and that of the decision. */
export const MESSAGES_MAX = 100
/** Of one author, so that no side takes the word from the other. */
export const OWN_MESSAGES_MAX = 30

// What a moderator writes with a decision, and with the end of its refund, is always shown.
const DECISIONS_MAX = 2

export async function insertMessage(
  tx: Transaction<Database>,
  message: {
    disputeId: string
    authorId: string
    author: Role
    content: string
    at: Date
  },
): Promise<void> {
  await sql`
    insert into dispute_messages (id, dispute_id, author_id, author, content, written_at)
    values (${newId()}, ${message.disputeId}, ${message.authorId}, ${message.author},
      ${message.content}, ${message.at})`.execute(tx)
}

/** How many messages a dispute has, and how many of them are of this author. */
export async function countMessages(
  db: Kysely<Database>,
  disputeId: string,
  authorId: string,
): Promise<{ all: number; own: number }> {
  const { rows } = await sql<{ all: number; own: number }>`
    select count(*)::int as all, count(*) filter (where author_id = ${authorId})::int as own
    from dispute_messages where dispute_id = ${disputeId}`.execute(db)
  return rows[0] ?? { all: 0, own: 0 }
}

export async function readMessages(
  db: Kysely<Database>,
  disputeId: string,
): Promise<DisputeMessage[]> {
  const { rows } = await sql<DisputeMessage>`
    select id, author, content, written_at as "writtenAt" from dispute_messages
    where dispute_id = ${disputeId} order by id limit ${MESSAGES_MAX + DECISIONS_MAX}`.execute(db)
  return rows
}

/** Open disputes, those whose answer is due longest first. */
export async function readOpenDisputes(
  db: Kysely<Database>,
  { after, limit }: { after: { answerBy: Date; id: string } | undefined; limit: number },
): Promise<Dispute[]> {
  const { rows } = await sql<Dispute>`
    select ${COLUMNS} from disputes
    where resolution is null
      ${after === undefined ? sql`` : sql`and (answer_by, id) > (${after.answerBy}, ${after.id}::uuid)`}
    order by answer_by, id limit ${limit}`.execute(db)
  return rows
}
