import { type Kysely, sql } from 'kysely'
import { type Item, type ItemStatus, PUBLIC_STATUSES } from '#src/domain/item.ts'
import { readClock } from './clock.ts'
import { clock, toReadItem } from './items.ts'
import type { Database } from './schema.ts'

export interface ListQuery {
  /** Only this seller's, whatever their status; undefined: everybody's public ones. */
  sellerId: string | undefined
  status: ItemStatus | undefined
  order: 'asc' | 'desc'
  limit: number
  offset: number
}

export interface ItemPage {
  items: Item[]
  totalItems: number
  now: Date
}

/** One page of items by the end that counts now. */
export async function listItems(db: Kysely<Database>, query: ListQuery): Promise<ItemPage> {
  let matching = db.selectFrom('items')
  if (query.sellerId !== undefined) matching = matching.where('seller_id', '=', query.sellerId)
  // Written as a list, not a parameter, or the planner could not see that the partial index fits.
  else
    matching = matching.where(sql<boolean>`status in (${sql.join(PUBLIC_STATUSES.map(sql.lit))})`)
  if (query.status !== undefined) matching = matching.where('status', '=', query.status)
  const [rows, total, now] = await Promise.all([
    matching
      .selectAll()
      .select(clock)
      .orderBy('end_date', query.order)
      .orderBy('id', query.order)
      .limit(query.limit)
      .offset(query.offset)
      .execute(),
    matching.select((eb) => eb.fn.countAll<bigint>().as('count')).executeTakeFirstOrThrow(),
    readClock(db),
  ])
  return {
    items: rows.map((row) => toReadItem(row).item),
    totalItems: Number(total.count),
    now,
  }
}
