import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

// The seller's row of payout_candidates is locked before any of these (putCandidate), so no payout ends meanwhile.

interface Seller {
  sellerId: string
  currencyCode: string
}

/** The payout of a seller that is on its way; one at most. */
export async function findOpenPayout(
  tx: Transaction<Database>,
  { sellerId, currencyCode }: Seller,
  providers: readonly string[],
): Promise<string | undefined> {
  const row = await tx
    .selectFrom('payouts')
    .select('id')
    .where('seller_id', '=', sellerId)
    .where('currency_code', '=', currencyCode)
    .where('state', 'in', ['planned', 'sending', 'unknown'])
    .where('provider', 'in', [...providers])
    .executeTakeFirst()
  return row?.id
}

/** A refund waits until it is known how the payout ended. */
export async function insertWait(
  tx: Transaction<Database>,
  { refundId, payoutId, amount }: { refundId: string; payoutId: string; amount: bigint },
): Promise<void> {
  await tx
    .insertInto('payout_waits')
    .values({ refund_id: refundId, payout_id: payoutId, amount })
    .execute()
}

/** What refunds ask back of the payout of a seller that is on its way. */
export async function readWaits(
  tx: Transaction<Database>,
  { sellerId, currencyCode }: Seller,
): Promise<bigint> {
  const { rows } = await sql<{ amount: bigint }>`
    select coalesce(sum(w.amount), 0)::bigint as amount
    from payouts p join payout_waits w on w.payout_id = p.id
    where p.seller_id = ${sellerId} and p.currency_code = ${currencyCode}
      and p.state in ('planned', 'sending', 'unknown')`.execute(tx)
  return rows[0]?.amount ?? 0n
}

/** The refunds that wait for a payout, the oldest first; each is taken once. */
export async function takeWaits(
  tx: Transaction<Database>,
  payoutId: string,
): Promise<{ id: string; amount: bigint }[]> {
  const waits = await tx
    .deleteFrom('payout_waits')
    .where('payout_id', '=', payoutId)
    .returning(['refund_id as id', 'amount', 'created_at as createdAt'])
    .execute()
  return waits.sort((one, other) => one.createdAt.getTime() - other.createdAt.getTime())
}

/** The payments of refunds, which go on now. */
export async function paymentsOfRefunds(
  db: Kysely<Database>,
  refunds: readonly { id: string }[],
): Promise<string[]> {
  if (refunds.length === 0) return []
  const rows = await db
    .selectFrom('refunds')
    .select('payment_id as paymentId')
    .where(
      'id',
      'in',
      refunds.map(({ id }) => id),
    )
    .distinct()
    .execute()
  return rows.map(({ paymentId }) => paymentId)
}
