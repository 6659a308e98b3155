import { type Kysely, sql, type Transaction } from 'kysely'
import { balanced, type Entry, type Posting } from '#src/domain/entry.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** A key was used for two facts: one of the two callers is wrong, and nothing may be posted. */
export class LedgerConflictError extends Error {
  override readonly name = 'LedgerConflictError'
}

/**
 * Posts an entry in the transaction of the change that it is about. False: this fact was posted before, and nothing
 * was done. Throws when the postings do not add up to zero, and when another fact has the same key.
 */
export async function post(tx: Transaction<Database>, entry: Entry): Promise<boolean> {
  const postings = balanced(entry.postings)
  const isEarning = postings.some(({ account }) => account.startsWith('platform:'))
  const { rows } = await sql<{ id: bigint }>`
    with entry as (
      insert into ledger_entries (key, kind, order_id, payment_id, lines)
      values (${entry.key}, ${entry.kind}, ${entry.orderId ?? null}, ${entry.paymentId ?? null}, ${postings.length})
      on conflict (key) do nothing
      returning id, lines
    ), written as (
      insert into ledger_postings (entry_id, line, lines, account, currency_code, amount)
      select id, line, lines, account, currency_code, amount
      from entry, unnest(
        ${postings.map(({ account }) => account)}::text[],
        ${postings.map(({ currencyCode }) => currencyCode)}::text[],
        ${postings.map(({ amount }) => amount.toString())}::bigint[]
      ) with ordinality as posting (account, currency_code, amount, line)
    ), queued as (
      insert into unsealed_entries (entry_id) select id from entry
    ), invoiced as (
      insert into invoice_tasks (entry_id) select id from entry where ${isEarning}::boolean
    )
    select id from entry`.execute(tx)
  if (rows.length === 1) return true
  await requireSame(tx, entry, postings)
  return false
}

async function requireSame(
  db: Kysely<Database>,
  entry: Entry,
  postings: readonly Posting[],
): Promise<void> {
  const stored = await db
    .selectFrom('ledger_entries')
    .innerJoin('ledger_postings', 'entry_id', 'id')
    .select(['kind', 'order_id', 'payment_id', 'account', 'currency_code', 'amount'])
    .where('key', '=', entry.key)
    .orderBy('line')
    .execute()
  const text = (values: readonly unknown[]) => values.map(String).join(' ')
  const before = stored.map((row) =>
    text([row.kind, row.order_id, row.payment_id, row.account, row.currency_code, row.amount]),
  )
  const { kind, orderId = null, paymentId = null } = entry
  const now = postings.map(({ account, currencyCode, amount }) =>
    text([kind, orderId, paymentId, account, currencyCode, amount]),
  )
  if (before.join('\n') === now.join('\n')) return
  throw new LedgerConflictError(`ledger entry ${entry.key} was posted with other postings`)
}
