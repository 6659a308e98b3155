import { sql, type Transaction } from 'kysely'
import type { ClientBase } from 'pg'
import type { HeldDeposit } from '#src/domain/judge.ts'
import { ColumnArray } from './column-array.ts'
import type { Database } from './schema.ts'

interface Pair {
  itemId: string
  bidderId: string
}

/**
 * Reads what is held of bidders, under the locks of their lots. Batches whose lots want no deposit never come here. `keyOf` names
 * an item and a bidder.
 */
export async function readHeldDeposits(
  client: ClientBase,
  pairs: readonly Pair[],
  keyOf: (itemId: string, bidderId: string) => string,
): Promise<ReadonlyMap<string, readonly HeldDeposit[]>> {
  const columns = new ColumnArray(2)
  for (const { itemId, bidderId } of pairs) columns.push(itemId, bidderId)
  const { rows } = await client.query<Pair & HeldDeposit>({
    name: 'held-deposits',
    text: `select d.item_id as "itemId", d.bidder_id as "bidderId", d.amount,
        (extract(epoch from d.held_until) * 1000)::float8 as "heldUntilMs"
      from (select distinct item_id, bidder_id from unnest($1::uuid[], $2::uuid[]) as k(item_id, bidder_id)) k
      join held_deposits d on d.item_id = k.item_id and d.bidder_id = k.bidder_id and d.is_held`,
    values: columns.literals(),
  })
  return Map.groupBy(rows, ({ itemId, bidderId }) => keyOf(itemId, bidderId))
}

/** Where a deposit is, as an event of the payment service says. */
export interface DepositUpdate extends Pair {
  depositId: string
  amount: bigint
  isHeld: boolean
  heldUntil: Date | null
  sequence: number
}

/** Stores where deposits are, each at most once, unless something newer is stored. In id order, as all that write them. */
export async function putDeposits(
  tx: Transaction<Database>,
  updates: readonly DepositUpdate[],
): Promise<void> {
  const columns = new ColumnArray(7)
  for (const one of updates) {
    const { depositId, itemId, bidderId, amount, isHeld, heldUntil, sequence } = one
    const until = heldUntil?.toISOString() ?? null
    columns.push(depositId, itemId, bidderId, amount, isHeld, until, sequence)
  }
  const [ids, items, bidders, amounts, held, until, sequences] = columns.literals()
  await sql`
    insert into held_deposits (deposit_id, item_id, bidder_id, amount, is_held, held_until, sequence)
    select * from unnest(${ids}::uuid[], ${items}::uuid[], ${bidders}::uuid[], ${amounts}::bigint[],
      ${held}::boolean[], ${until}::timestamptz[], ${sequences}::bigint[])
      as published(deposit_id, item_id, bidder_id, amount, is_held, held_until, sequence) order by deposit_id
    on conflict (deposit_id) do update
      set is_held = excluded.is_held, held_until = excluded.held_until, sequence = excluded.sequence
      where held_deposits.sequence < excluded.sequence`.execute(tx)
}
