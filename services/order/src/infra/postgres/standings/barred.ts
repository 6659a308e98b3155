import type { StandingUpdate } from '@auction/common/rabbitmq/standing-events.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Stores what identity published of accounts, each at most once here, unless something newer is stored. */
export async function putStandings(
  tx: Transaction<Database>,
  standings: readonly StandingUpdate[],
): Promise<void> {
  if (standings.length === 0) return
  await sql`
    insert into standings (user_id, standing, sequence)
    select * from unnest(${standings.map(({ userId }) => userId)}::uuid[],
      ${standings.map(({ standing }) => standing)}::text[],
      ${standings.map(({ sequence }) => sequence)}::bigint[])
      as published (user_id, standing, sequence) order by user_id
    on conflict (user_id) do update
      set standing = excluded.standing, sequence = excluded.sequence, updated_at = clock_timestamp()
      where standings.sequence < excluded.sequence`.execute(tx)
}

export interface Removal {
  readonly itemId: string
  /** False: a moderator shows it again. */
  readonly isRemoved: boolean
  readonly sequence: number
}

/** Stores what auction published of items, each at most once here, unless something newer is stored. */
export async function putRemovals(
  tx: Transaction<Database>,
  removals: readonly Removal[],
): Promise<void> {
  if (removals.length === 0) return
  await sql`
    insert into removed_items (item_id, is_removed, sequence)
    select * from unnest(${removals.map(({ itemId }) => itemId)}::uuid[],
      ${removals.map(({ isRemoved }) => isRemoved)}::boolean[],
      ${removals.map(({ sequence }) => sequence)}::bigint[])
      as published (item_id, is_removed, sequence) order by item_id
    on conflict (item_id) do update
      set is_removed = excluded.is_removed, sequence = excluded.sequence, removed_at = clock_timestamp()
      where removed_items.sequence < excluded.sequence`.execute(tx)
}

export type Bar = 'removed' | 'suspended'

const BAR = sql`
  case when exists (
      select from removed_items as removed
      where removed.item_id = orders.item_id and removed.is_removed) then 'removed'
    when exists (
      select from standings as barred
      where barred.user_id = orders.buyer_id and barred.standing <> 'ok') then 'suspended' end`

/** What stands against an order whose lock the caller holds: its item was removed, or its buyer may not buy. */
export async function readBar(
  tx: Transaction<Database>,
  { id }: { id: string },
): Promise<Bar | undefined> {
  const { rows } = await sql<{ bar: Bar | null }>`
    select ${BAR} as bar from orders where id = ${id}`.execute(tx)
  return rows[0]?.bar ?? undefined
}

/**
 * Orders that are not paid and may not go on, by their ids: their item was removed, or their buyer may not buy. Not
 * those that a payment has claimed. It does not matter which event came first.
 */
export async function readBarredOrders(
  db: Kysely<Database>,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id
    from orders
      left join removed_items as removed
        on removed.item_id = orders.item_id and removed.is_removed
      left join standings as barred on barred.user_id = orders.buyer_id and barred.standing <> 'ok'
    where state in ('pending_payment', 'overdue') and claimed_by is null
      and (removed.item_id is not null or barred.user_id is not null)
      ${after === undefined ? sql`` : sql`and id > ${after}::uuid`}
    order by id limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}
