import { newId } from '@auction/common/ids.ts'
import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Difference {
  provider: string
  kind:
    | 'unknown_charge'
    | 'missing_charge'
    | 'captured_amount'
    | 'refunded_amount'
    | 'mismatch'
    | 'foreign_refund'
    | 'dispute'
    | 'unknown_transfer'
    | 'missing_transfer'
    | 'transfer_amount'
  reference: string
  paymentId: string | null
  /** Of what is about a payout. */
  payoutId?: string | null
  ours: string
  theirs: string
}

/** Records a difference, unless it is open already, or a person closed it and both sides still say the same. */
export async function recordDifference(
  db: Kysely<Database>,
  { provider, kind, reference, paymentId, payoutId = null, ours, theirs }: Difference,
): Promise<void> {
  await sql`
    insert into payment_differences (id, provider, kind, reference, payment_id, payout_id, ours, theirs)
    select ${newId()}, ${provider}, ${kind}, ${reference}, ${paymentId}::uuid, ${payoutId}::uuid, ${ours}, ${theirs}
    where not exists (
      select from payment_differences
      where provider = ${provider} and kind = ${kind} and reference = ${reference}
        and ours = ${ours} and theirs = ${theirs} and closed_at is not null
    )
    on conflict (provider, kind, reference) where closed_at is null do nothing`.execute(db)
}

/** True: it was recorded before, whether it is closed or not. */
export async function isDifferenceKnown(
  db: Kysely<Database>,
  { provider, kind, reference }: Pick<Difference, 'provider' | 'kind' | 'reference'>,
): Promise<boolean> {
  const row = await db
    .selectFrom('payment_differences')
    .select('id')
    .where('provider', '=', provider)
    .where('kind', '=', kind)
    .where('reference', '=', reference)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

export async function readOpenDifferences(db: Kysely<Database>, limit: number) {
  return db
    .selectFrom('payment_differences')
    .select([
      'id',
      'provider',
      'kind',
      'reference',
      'payment_id as paymentId',
      'ours',
      'theirs',
      'found_at as foundAt',
    ])
    .where('closed_at', 'is', null)
    .orderBy('found_at')
    .limit(limit)
    .execute()
}

/** False: there is no open difference with this id. */
export async function closeDifference(
  db: Kysely<Database>,
  id: string,
  note: string,
): Promise<boolean> {
  const row = await db
    .updateTable('payment_differences')
    .set({ closed_at: sql<Date>`clock_timestamp()`, note })
    .where('id', '=', id)
    .where('closed_at', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}
