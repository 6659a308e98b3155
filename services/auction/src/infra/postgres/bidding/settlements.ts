import { sql, type Transaction } from 'kysely'
import type { SettlementState } from '#src/domain/settlement.ts'
import { clock, type ReadItem, toReadItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** What is known of the end of some items, locked in the order of their ids. */
export async function lockSettlements(
  tx: Transaction<Database>,
  ids: readonly string[],
): Promise<Map<string, SettlementState & { currencyCode: string; sellerId: string }>> {
  const rows = await tx
    .selectFrom('items')
    .select([
      'id',
      'seller_id',
      'status',
      'round',
      'currency_code',
      'closed_sequence',
      'closed_at',
      'outcome',
      'end_reason',
      'buyer_id',
      'end_price',
      'end_date',
      'extension_count',
      'current_price',
      'bid_count',
      'reserve_met',
    ])
    .where('id', 'in', [...ids])
    .where('published_at', 'is not', null)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  return new Map(
    rows.map((row) => [
      row.id,
      {
        sellerId: row.seller_id,
        status: row.status,
        round: row.round,
        currencyCode: row.currency_code,
        closedSequence: row.closed_sequence,
        closedAt: row.closed_at,
        outcome: row.outcome,
        endReason: row.end_reason,
        buyerId: row.buyer_id,
        endPrice: row.end_price,
        final: {
          endDate: row.end_date,
          extensionCount: row.extension_count,
          currentPrice: row.current_price,
          bidCount: row.bid_count,
          reserveMet: row.reserve_met,
        },
      },
    ]),
  )
}

/** Stores what is known of one end; `eventCount` events follow in the same transaction. */
export async function updateSettlement(
  tx: Transaction<Database>,
  id: string,
  state: SettlementState,
  eventCount: number,
): Promise<ReadItem> {
  const closedSequence = state.closedSequence ?? 0n
  const row = await tx
    .updateTable('items')
    .set({
      status: state.status,
      closed_sequence: state.closedSequence,
      closed_at: state.closedAt,
      outcome: state.outcome,
      end_reason: state.endReason,
      buyer_id: state.buyerId,
      end_price: state.endPrice,
      end_date: state.final.endDate,
      ...(state.final.extensionCount === null
        ? {}
        : { extension_count: state.final.extensionCount }),
      current_price: state.final.currentPrice,
      bid_count: state.final.bidCount,
      reserve_met: state.final.reserveMet,
      // The closing carries the final state: an event with a lower sequence is older, even if it comes later.
      bid_sequence: sql<bigint>`greatest(bid_sequence, ${closedSequence})`,
      reserve_sequence: sql<bigint>`greatest(reserve_sequence, ${closedSequence})`,
      event_sequence: sql<bigint>`event_sequence + ${eventCount}`,
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', id)
    .returningAll()
    .returning(clock)
    .executeTakeFirstOrThrow()
  return toReadItem(row)
}
