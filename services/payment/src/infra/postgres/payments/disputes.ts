import { type Kysely, sql, type Transaction } from 'kysely'
import { sellerPayable, sellerPending } from '#src/domain/accounts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Dispute {
  provider: string
  reference: string
  amount: bigint
  state: 'inquiry' | 'open' | 'won' | 'lost' | 'closed'
  evidenceDueAt: Date | null
  openedAt: Date
  closedAt: Date | null
}

/** What banks ask, hold or took of a payment, the oldest first. */
export async function readDisputes(db: Kysely<Database>, paymentId: string): Promise<Dispute[]> {
  return db
    .selectFrom('payment_disputes')
    .select([
      'provider',
      'reference',
      'amount',
      'state',
      'evidence_due_at as evidenceDueAt',
      'opened_at as openedAt',
      'closed_at as closedAt',
    ])
    .where('payment_id', '=', paymentId)
    .orderBy('opened_at')
    .orderBy('reference')
    .$narrowType<{ state: Dispute['state'] }>()
    .execute()
}

/** Records what a dispute is now. An inquiry that becomes a dispute gets the amount of the dispute. */
export async function putDispute(
  tx: Transaction<Database>,
  paymentId: string,
  dispute: Pick<Dispute, 'provider' | 'reference' | 'amount' | 'state' | 'evidenceDueAt'>,
): Promise<void> {
  const { provider, reference, amount, state, evidenceDueAt } = dispute
  const isOver = state !== 'inquiry' && state !== 'open'
  const closedAt = isOver ? sql<Date>`clock_timestamp()` : null
  await tx
    .insertInto('payment_disputes')
    .values({
      provider,
      reference,
      payment_id: paymentId,
      amount,
      state,
      evidence_due_at: evidenceDueAt,
      closed_at: closedAt,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['provider', 'reference'])
        .doUpdateSet({ amount, state, evidence_due_at: evidenceDueAt, closed_at: closedAt }),
    )
    .execute()
}

/** What banks that still decide hold of what was payable to a seller: what was refunded of it since then they do not. */
export async function readHeldOfPayable(
  tx: Transaction<Database>,
  { sellerId, currencyCode }: { sellerId: string; currencyCode: string },
): Promise<bigint> {
  const { rows } = await sql<{ amount: bigint }>`
    select coalesce(sum(least(sale.held, sale.pending)), 0)::bigint as amount
    from (
      select sum(posting.amount) as held, (
        select -sum(p.amount) from ledger_entries e join ledger_postings p on p.entry_id = e.id
        where e.payment_id = entry.payment_id and e.order_id = entry.order_id
          and p.account = ${sellerPending(sellerId)} and p.currency_code = ${currencyCode}
      ) as pending
      from payment_disputes dispute
      join payments payment on payment.id = dispute.payment_id and payment.seller_id = ${sellerId}
      join ledger_entries entry on entry.payment_id = payment.id
        and entry.key = 'dispute:' || dispute.reference || ':' || entry.order_id
      join ledger_postings posting on posting.entry_id = entry.id
        and posting.account = ${sellerPayable(sellerId)} and posting.currency_code = ${currencyCode}
      where dispute.state = 'open'
      group by entry.payment_id, entry.order_id
    ) as sale`.execute(tx)
  return rows[0]?.amount ?? 0n
}
