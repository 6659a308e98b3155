import { type Kysely, sql, type Transaction } from 'kysely'
import { digestEntry, LEDGER_GENESIS, type StoredEntry } from '#src/infra/crypto/entry-digest.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

interface Seal {
  sequence: bigint
  entryId: bigint
  previousDigest: Buffer
  digest: Buffer
}

/** How an entry and its postings are read as one row of the query that names them `e`. */
export const storedEntry = sql`
  e.id, e.key, e.kind, e.order_id as "orderId", e.payment_id as "paymentId", e.posted_at as "postedAt",
  coalesce((
    select json_agg(json_build_array(p.account, p.currency_code, p.amount::text) order by p.line)
    from ledger_postings p where p.entry_id = e.id
  ), '[]') as postings`

/**
 * Seals the oldest committed entries that have none yet; returns how many. The caller holds the lock of the chain. An
 * entry that is committed later than one after it is sealed later: the order of the chain is that of its sequence.
 */
export async function sealNext(tx: Transaction<Database>, limit: number): Promise<number> {
  const { rows: entries } = await sql<StoredEntry>`
    select ${storedEntry} from unsealed_entries u join ledger_entries e on e.id = u.entry_id
    order by e.id limit ${limit}`.execute(tx)
  if (entries.length === 0) return 0
  const last = await tx
    .selectFrom('ledger_seals')
    .select(['sequence', 'digest'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
  await insertSeals(tx, chain(last ?? { sequence: 0n, digest: LEDGER_GENESIS }, entries))
  await sql`
    delete from unsealed_entries
    where entry_id = any (${entries.map(({ id }) => id.toString())}::bigint[])`.execute(tx)
  return entries.length
}

function chain(
  last: { sequence: bigint; digest: Buffer },
  entries: readonly StoredEntry[],
): Seal[] {
  const seals: Seal[] = []
  let { sequence, digest } = last
  for (const entry of entries) {
    const previousDigest = digest
    sequence += 1n
    digest = digestEntry(previousDigest, sequence, entry)
    seals.push({ sequence, entryId: entry.id, previousDigest, digest })
  }
  return seals
}

async function insertSeals(tx: Kysely<Database>, seals: readonly Seal[]): Promise<void> {
  await tx
    .insertInto('ledger_seals')
    .values(
      seals.map(({ sequence, entryId, previousDigest, digest }) => ({
        sequence,
        entry_id: entryId,
        previous_digest: previousDigest,
        digest,
      })),
    )
    .execute()
}

export interface SealBacklog {
  oldestSeconds: number
}

/** How long the oldest committed entry has been without a seal; 0: none is. */
export async function readSealBacklog(db: Kysely<Database>): Promise<SealBacklog> {
  const { rows } = await sql<SealBacklog>`
    select coalesce(extract(epoch from clock_timestamp() - min(e.posted_at)), 0)::float8 as "oldestSeconds"
    from unsealed_entries u join ledger_entries e on e.id = u.entry_id`.execute(db)
  return { oldestSeconds: rows[0]?.oldestSeconds ?? 0 }
}
