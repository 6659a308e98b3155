import { type Kysely, sql, type Transaction } from 'kysely'
import type { ActKind } from '#src/domain/change-order.ts'
import type { OrderState } from '#src/domain/order.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** By whom a change was made. */
export type Actor =
  | { readonly role: 'buyer' | 'seller' | 'moderator'; readonly id: string }
  | { readonly role: 'platform'; readonly id?: undefined }

export const PLATFORM: Actor = { role: 'platform' }

export interface NewChange {
  readonly orderId: string
  readonly sequence: number
  readonly act: ActKind | 'create'
  readonly state: OrderState
  readonly actor: Actor
  readonly at: Date
  readonly details?: Readonly<Record<string, string | number | boolean>>
}

/** Records changes of orders for good. */
export async function recordChanges(
  tx: Transaction<Database>,
  changes: readonly NewChange[],
): Promise<void> {
  if (changes.length === 0) return
  await tx
    .insertInto('order_changes')
    .values(
      changes.map(({ orderId, sequence, act, state, actor, at, details = {} }) => ({
        order_id: orderId,
        sequence: BigInt(sequence),
        act,
        state,
        actor: actor.role,
        actor_id: actor.id ?? null,
        happened_at: at,
        details: JSON.stringify(details),
      })),
    )
    .execute()
}

export interface RecordedChange {
  readonly sequence: number
  readonly act: string
  readonly state: OrderState
  readonly actor: Actor['role']
  readonly at: Date
}

// A dispute with many messages has no change for each of them; this is far above what an order goes through.
const CHANGES_SHOWN_MAX = 200

/**
 * What happened to an order, the first first: of deliveries that were chosen the last, and the latest changes. That the platform has
 * given up a reopening is nothing to its people.
 */
export async function readChanges(
  db: Kysely<Database>,
  orderId: string,
): Promise<RecordedChange[]> {
  const { rows } = await sql<RecordedChange>`
    select sequence::int as sequence, act, state, actor, happened_at as at
    from order_changes as change
    where order_id = ${orderId} and act <> 'give_up_reopening' and (act <> 'choose_delivery' or not exists (
      select from order_changes as later
      where later.order_id = ${orderId} and later.act = 'choose_delivery'
        and later.sequence > change.sequence))
    order by sequence desc limit ${CHANGES_SHOWN_MAX}`.execute(db)
  return rows.reverse()
}
