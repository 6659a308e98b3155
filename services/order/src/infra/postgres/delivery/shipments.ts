import { newId } from '@auction/common/ids.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Carrier } from '#src/domain/carriers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Shipment {
  readonly carrier: Carrier
  /** Empty: none is known. */
  readonly trackingNumber: string
  readonly shippedAt: Date
}

/** Parcels of one order; far more than any has. */
export const SHIPMENTS_MAX = 20

/** Records a parcel; false when it was recorded before. */
export async function insertShipment(
  tx: Transaction<Database>,
  orderId: string,
  { carrier, trackingNumber }: Omit<Shipment, 'shippedAt'>,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into shipments (id, order_id, carrier, tracking_number, shipped_at)
    values (${newId()}, ${orderId}, ${carrier}, ${trackingNumber}, clock_timestamp())
    on conflict (order_id, carrier, tracking_number) do nothing`.execute(tx)
  return numAffectedRows === 1n
}

export async function readShipments(db: Kysely<Database>, orderId: string): Promise<Shipment[]> {
  const { rows } = await sql<Shipment>`
    select carrier, tracking_number as "trackingNumber", shipped_at as "shippedAt" from shipments
    where order_id = ${orderId} order by id limit ${SHIPMENTS_MAX}`.execute(db)
  return rows
}

export async function countShipments(db: Kysely<Database>, orderId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from shipments where order_id = ${orderId}`.execute(db)
  return rows[0]?.count ?? 0
}
