import { newId } from '@auction/common/ids.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { ProviderReversal } from '#src/domain/payout.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// The seller's row of payout_candidates is locked before any payout that was paid (putCandidate).

/**
 * Payouts of a seller of which something can come back, the latest first. Locks them. `isRepeated`: without those of which
 * the seller had nothing left.
 */
export async function lockReversible(
  tx: Transaction<Database>,
  { sellerId, currencyCode }: { sellerId: string; currencyCode: string },
  providers: readonly string[],
  { limit, isRepeated }: { limit: number; isRepeated: boolean },
): Promise<{ id: string; left: bigint }[]> {
  const { rows } = await sql<{ id: string; left: bigint }>`
    select id, amount - reversed_amount as left from payouts
    where seller_id = ${sellerId} and currency_code = ${currencyCode} and state = 'done' and reversed_amount < amount
      and provider = any (${[...providers]}::text[])
      and (not ${isRepeated}::boolean or not exists (
        select from payout_reversals r where r.payout_id = payouts.id and r.state = 'failed'
      ))
    order by id desc limit ${limit} for update`.execute(tx)
  return rows
}

/** What was asked for and is not decided, of a seller in a currency. */
export async function readOpenReversals(
  tx: Transaction<Database>,
  { sellerId, currencyCode }: { sellerId: string; currencyCode: string },
): Promise<bigint> {
  const { rows } = await sql<{ amount: bigint }>`
    select coalesce(sum(r.amount), 0)::bigint as amount
    from payout_reversals r join payouts p on p.id = r.payout_id
    where p.seller_id = ${sellerId} and p.currency_code = ${currencyCode}
      and r.state in ('planned', 'sending', 'unknown')`.execute(tx)
  return rows[0]?.amount ?? 0n
}

export async function planReversal(
  tx: Transaction<Database>,
  { payoutId, amount, refundId }: { payoutId: string; amount: bigint; refundId: string | null },
): Promise<void> {
  await addReversed(tx, payoutId, amount)
  await tx
    .insertInto('payout_reversals')
    .values({ id: newId(), payout_id: payoutId, amount, refund_id: refundId })
    .execute()
}

/** The constraint refuses more than was paid out. */
async function addReversed(
  tx: Transaction<Database>,
  payoutId: string,
  amount: bigint,
): Promise<void> {
  await tx
    .updateTable('payouts')
    .set({
      reversed_amount: sql<bigint>`reversed_amount + ${amount}`,
      // Books are compared by it.
      changed_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', payoutId)
    .execute()
}

export interface OpenReversal {
  id: string
  payoutId: string
  amount: bigint
  refundId: string | null
  state: 'planned' | 'sending' | 'unknown'
  tries: number
}

/** Takes the next one that is due and commits that it is being sent, as takeDuePayout does; `state` is what it was before. */
export async function takeDueReversal(
  db: Kysely<Database>,
  providers: readonly string[],
  holdMs: number,
): Promise<OpenReversal | undefined> {
  const { rows } = await sql<OpenReversal>`
    with due as (
      select r.id, r.state as before from payout_reversals r join payouts p on p.id = r.payout_id
      where r.state in ('planned', 'sending', 'unknown') and r.due_at <= statement_timestamp()
        and p.provider = any (${[...providers]}::text[])
      order by r.due_at limit 1 for update of r skip locked
    )
    update payout_reversals r set state = case before when 'planned' then 'sending' else 'unknown' end,
      tries = tries + 1, due_at = clock_timestamp() + ${holdMs} * interval '1 ms', changed_at = clock_timestamp()
    from due where r.id = due.id
    returning r.id, payout_id as "payoutId", amount, refund_id as "refundId", before as state, tries`.execute(
    db,
  )
  return rows[0]
}

/** It is not known yet, and looked at after a pause. */
export async function postponeReversal(
  db: Kysely<Database>,
  id: string,
  delayMs: number,
): Promise<void> {
  await sql`
    update payout_reversals set state = 'unknown', due_at = clock_timestamp() + ${delayMs} * interval '1 ms',
      changed_at = clock_timestamp()
    where id = ${id} and state in ('planned', 'sending', 'unknown')`.execute(db)
}

/** How one ended, once: undefined when that is known. What did not come back may be asked for again. */
export async function endReversal(
  tx: Transaction<Database>,
  id: string,
  end: { state: 'done'; reference: string } | { state: 'failed'; code: string },
): Promise<Pick<OpenReversal, 'payoutId' | 'amount' | 'refundId'> | undefined> {
  const { rows } = await sql<Pick<OpenReversal, 'payoutId' | 'amount' | 'refundId'>>`
    update payout_reversals set state = ${end.state},
      reference = ${end.state === 'done' ? end.reference : null}, code = ${end.state === 'failed' ? end.code : null},
      changed_at = clock_timestamp()
    where id = ${id} and state in ('planned', 'sending', 'unknown')
    returning payout_id as "payoutId", amount, refund_id as "refundId"`.execute(tx)
  const [row] = rows
  if (row !== undefined) {
    await addReversed(tx, row.payoutId, end.state === 'failed' ? -row.amount : 0n)
  }
  return row
}

/** The provider refused one, as we recorded, and shows it after all. False: it is not one that failed. */
export async function reviveReversal(
  tx: Transaction<Database>,
  id: string,
  reference: string,
): Promise<boolean> {
  const { rows } = await sql<{ payoutId: string; amount: bigint }>`
    update payout_reversals set state = 'done', reference = ${reference}, code = null, changed_at = clock_timestamp()
    where id = ${id} and state = 'failed' returning payout_id as "payoutId", amount`.execute(tx)
  const [row] = rows
  if (row !== undefined) await addReversed(tx, row.payoutId, row.amount)
  return row !== undefined
}

/** Money that came back without our asking. Undefined: it is recorded already. */
export async function insertForeignReversal(
  tx: Transaction<Database>,
  payoutId: string,
  { reference, amount }: Pick<ProviderReversal, 'reference' | 'amount'>,
): Promise<string | undefined> {
  const row = await tx
    .insertInto('payout_reversals')
    .values({
      id: newId(),
      payout_id: payoutId,
      amount,
      is_foreign: true,
      state: 'done',
      reference,
    })
    .onConflict((conflict) =>
      conflict.columns(['payout_id', 'reference']).where('reference', 'is not', null).doNothing(),
    )
    .returning('id')
    .executeTakeFirst()
  if (row !== undefined) await addReversed(tx, payoutId, amount)
  return row?.id
}

/** All of it came back by itself: the payout is over, and nothing is looked at any more. */
export async function endReturned(tx: Transaction<Database>, payoutId: string): Promise<boolean> {
  const { rows } = await sql`
    update payouts p set state = 'returned', next_check_at = null, changed_at = clock_timestamp()
    where id = ${payoutId} and state = 'done' and amount = (
      select sum(amount) from payout_reversals where payout_id = p.id and is_foreign
    ) returning id`.execute(tx)
  return rows.length > 0
}

export interface Reversal {
  id: string
  amount: bigint
  isForeign: boolean
  state: 'planned' | 'sending' | 'unknown' | 'done' | 'failed'
  reference: string | null
}

export async function readReversals(db: Kysely<Database>, payoutId: string): Promise<Reversal[]> {
  return db
    .selectFrom('payout_reversals')
    .select(['id', 'amount', 'is_foreign as isForeign', 'state', 'reference'])
    .where('payout_id', '=', payoutId)
    .orderBy('id')
    .$narrowType<{ state: Reversal['state'] }>()
    .execute()
}

/** Refunds of a payment that wait for a payout to end, or for money of payouts to come back; for at most `maxMs`. */
export async function readWaitingRefunds(
  tx: Transaction<Database>,
  paymentId: string,
  maxMs: number,
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`
    select id from refunds r
    where payment_id = ${paymentId} and state = 'pending'
      and created_at > statement_timestamp() - ${maxMs} * interval '1 ms'
      and (exists (select from payout_waits w where w.refund_id = r.id) or exists (
        select from payout_reversals v where v.refund_id = r.id and v.state in ('planned', 'sending', 'unknown')
      ))`.execute(tx)
  return new Set(rows.map(({ id }) => id))
}

/** The payment of a refund, which goes on now. */
export async function paymentOfRefund(
  db: Kysely<Database>,
  refundId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('refunds')
    .select('payment_id as paymentId')
    .where('id', '=', refundId)
    .executeTakeFirst()
  return row?.paymentId
}
