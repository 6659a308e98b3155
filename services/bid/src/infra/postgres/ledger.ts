import { type Kysely, sql, type Transaction } from 'kysely'
import type {
  LedgerEntry,
  OutageEntry,
  PurchaseEntry,
  ReleaseEntry,
  ReservationPayment,
  TermsEntry,
} from '#src/domain/ledger.ts'
import type { Lot } from '#src/domain/lot.ts'
import { LOT_COLUMNS, type LotRow, toLot } from './lots.ts'
import type { Database } from './schema.ts'

interface BidRow {
  itemId: string
  kind: 'manual' | 'proxy' | 'auto'
  sequence: number
  silentRaise: number
  bidId: string
  bidderId: string
  bidderNumber: number
  maxAmount: bigint
  decidedAtMs: number
  price: bigint
  endsAtMs: number
  extended: boolean
  triggerBidId: string | null
}

interface TermsRow {
  itemId: string
  sequence: number
  decidedAtMs: number
  termsVersion: number
  previousTermsVersion: number
  reservePrice: bigint | null
  previousReservePrice: bigint | null
  price: bigint
}

type OutageRow = Omit<OutageEntry, 'kind'> & { itemId: string }
type PurchaseRow = Omit<PurchaseEntry, 'kind'> & { itemId: string }
type ReleaseRow = Omit<ReleaseEntry, 'kind'> & { itemId: string }

const decidedAtMs = sql<number>`(extract(epoch from decided_at) * 1000)::float8`

/**
 * Everything that was decided on some lots, by lot, in sequence order, counter-bids after what they answer,
 * silent raises after what their leader saw.
 * A lot without entries is absent.
 */
export async function readLedgers(
  db: Kysely<Database>,
  itemIds: readonly string[],
): Promise<Map<string, LedgerEntry[]>> {
  const ids = sql`${[...itemIds]}::uuid[]`
  const bids = await sql<BidRow>`
    select item_id as "itemId", kind, sequence::float8 as sequence,
      silent_raise as "silentRaise", id as "bidId", bidder_id as "bidderId", number as "bidderNumber",
      max_amount as "maxAmount", ${decidedAtMs} as "decidedAtMs", price,
      (extract(epoch from ends_at) * 1000)::float8 as "endsAtMs", extended,
      trigger_bid_id as "triggerBidId"
    from bids join lot_bidders using (item_id, bidder_id)
    where item_id = any(${ids}) and sequence is not null
    order by item_id, sequence, silent_raise, (kind = 'auto')
  `.execute(db)
  const terms = await sql<TermsRow>`
    select item_id as "itemId", sequence::float8 as sequence, ${decidedAtMs} as "decidedAtMs",
      terms_version as "termsVersion", previous_terms_version as "previousTermsVersion",
      reserve_price as "reservePrice", previous_reserve_price as "previousReservePrice", price
    from terms_changes where item_id = any(${ids}) order by item_id, sequence
  `.execute(db)
  const outages = await sql<OutageRow>`
    select item_id as "itemId", sequence::float8 as sequence, ${decidedAtMs} as "decidedAtMs",
      (extract(epoch from outage_from) * 1000)::float8 as "outageFromMs",
      (extract(epoch from outage_until) * 1000)::float8 as "outageUntilMs",
      (extract(epoch from previous_ends_at) * 1000)::float8 as "previousEndsAtMs",
      (extract(epoch from ends_at) * 1000)::float8 as "extendedToMs"
    from outage_extensions where item_id = any(${ids})
  `.execute(db)
  const purchases = await sql<PurchaseRow>`
    select item_id as "itemId", sequence::float8 as sequence, ${decidedAtMs} as "decidedAtMs",
      id as "purchaseId", buyer_id as "buyerId", terms_version as "termsVersion", amount,
      (extract(epoch from reserved_until) * 1000)::float8 as "reservedUntilMs"
    from purchases where item_id = any(${ids})
  `.execute(db)
  const releases = await sql<ReleaseRow>`
    select e.item_id as "itemId", e.sequence::float8 as sequence,
      (extract(epoch from e.decided_at) * 1000)::float8 as "decidedAtMs",
      e.purchase_id as "purchaseId", p.terms_version as "termsVersion", e.reason
    from reservation_ends e join purchases p on p.id = e.purchase_id
    where e.item_id = any(${ids}) and e.reason <> 'paid'
  `.execute(db)
  const ledgers = new Map<string, LedgerEntry[]>()
  for (const [itemId, rows] of Map.groupBy(bids.rows, (row) => row.itemId)) {
    ledgers.set(itemId, bidEntries(rows))
  }
  const add = (itemId: string, entry: LedgerEntry) => {
    const entries = ledgers.get(itemId) ?? []
    entries.push(entry)
    ledgers.set(itemId, entries)
  }
  for (const { itemId, ...row } of terms.rows) add(itemId, { kind: 'terms', ...row })
  for (const { itemId, ...row } of outages.rows) add(itemId, { kind: 'outage', ...row })
  for (const { itemId, ...row } of purchases.rows) add(itemId, { kind: 'buy_now', ...row })
  for (const { itemId, ...row } of releases.rows) add(itemId, { kind: 'release', ...row })
  // Stable: a counter-bid stays behind the bid whose sequence it shares.
  for (const entries of ledgers.values()) {
    entries.sort((a, b) => a.sequence - b.sequence || silentRaiseOf(a) - silentRaiseOf(b))
  }
  return ledgers
}

/** The payments that ended reservations of some lots, by lot. */
export async function readReservationPayments(
  db: Kysely<Database>,
  itemIds: readonly string[],
): Promise<Map<string, ReservationPayment[]>> {
  const { rows } = await sql<ReservationPayment & { itemId: string }>`
    select item_id as "itemId", purchase_id as "purchaseId", ${decidedAtMs} as "decidedAtMs"
    from reservation_ends where item_id = any(${[...itemIds]}::uuid[]) and reason = 'paid'
  `.execute(db)
  return Map.groupBy(rows, ({ itemId }) => itemId)
}

const silentRaiseOf = (entry: LedgerEntry) => ('silentRaise' in entry ? entry.silentRaise : 0)

function bidEntries(rows: BidRow[]): LedgerEntry[] {
  let leaderId = ''
  return rows.map((row): LedgerEntry => {
    const { sequence, bidderId, price, bidId } = row
    if (row.kind === 'auto') {
      const triggerBidId = row.triggerBidId ?? ''
      return { kind: 'auto', sequence, triggerBidId, bidderId, decidedAtMs: row.decidedAtMs, price }
    }
    // `proxy` marks a bid that led; a beaten one left the lead where it was.
    if (row.kind === 'proxy') leaderId = bidderId
    return {
      kind: row.kind,
      sequence,
      silentRaise: row.silentRaise,
      bidId,
      bidderId,
      bidderNumber: row.bidderNumber,
      maxAmount: row.maxAmount,
      decidedAtMs: row.decidedAtMs,
      price,
      leaderId,
      extendedToMs: row.extended ? row.endsAtMs : null,
    }
  })
}

/** Lots in id order after `afterItemId`, a page at a time. */
export async function readLotsPage(
  db: Kysely<Database>,
  afterItemId: string | undefined,
  limit: number,
): Promise<Lot[]> {
  const { rows } = await sql<LotRow>`
    select ${sql.raw(LOT_COLUMNS)} from lots
    where ${afterItemId ?? null}::uuid is null or item_id > ${afterItemId ?? null}::uuid
    order by item_id limit ${limit}
  `.execute(db)
  return rows.map(toLot)
}

/** Records a change of terms under running bids. */
export async function insertTermsChange(
  tx: Transaction<Database>,
  itemId: string,
  entry: TermsEntry,
): Promise<void> {
  await tx
    .insertInto('terms_changes')
    .values({
      item_id: itemId,
      sequence: BigInt(entry.sequence),
      terms_version: entry.termsVersion,
      previous_terms_version: entry.previousTermsVersion,
      reserve_price: entry.reservePrice,
      previous_reserve_price: entry.previousReservePrice,
      price: entry.price,
      decided_at: new Date(entry.decidedAtMs),
    })
    .execute()
}
