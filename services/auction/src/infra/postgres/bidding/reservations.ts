import { arrayLiteral } from '@auction/common/postgres/array-literal.ts'
import { sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Reservation {
  itemId: string
  sequence: number
  isReserved: boolean
}

/**
 * Marks items as reserved, or as active again; at most one event per item. An item that is over stays so, and an event
 * that is not newer than the last one changes nothing. Answers the items that exist, and those whose status changed.
 */
export async function projectReservations(
  tx: Transaction<Database>,
  reservations: readonly Reservation[],
): Promise<{ known: Set<string>; moved: Set<string> }> {
  if (reservations.length === 0) return { known: new Set(), moved: new Set() }
  const { rows } = await sql<{ id: string; isMoved: boolean }>`
    with e as (
      select * from unnest(
        ${arrayLiteral(reservations.map(({ itemId }) => itemId))}::uuid[],
        ${arrayLiteral(reservations.map(({ sequence }) => sequence))}::bigint[],
        ${arrayLiteral(reservations.map(({ isReserved }) => isReserved))}::boolean[]
      ) as e (item_id, sequence, is_reserved)
    ), locked as materialized (
      select i.id, i.status from items i
      where i.id in (select item_id from e) and i.published_at is not null
      order by i.id for no key update
    ), updated as (
      update items i set
        reservation_sequence = e.sequence,
        status = case
          when e.is_reserved and i.status = 'active' then 'reserved'
          when not e.is_reserved and i.status = 'reserved' then 'active'
          else i.status end,
        updated_at = clock_timestamp()
      from e join locked l on l.id = e.item_id
      where i.id = e.item_id and e.sequence > i.reservation_sequence
      returning i.id, i.status <> l.status as is_moved
    )
    select locked.id, coalesce(is_moved, false) as "isMoved"
    from locked left join updated on updated.id = locked.id
  `.execute(tx)
  return {
    known: new Set(rows.map(({ id }) => id)),
    moved: new Set(rows.filter(({ isMoved }) => isMoved).map(({ id }) => id)),
  }
}
