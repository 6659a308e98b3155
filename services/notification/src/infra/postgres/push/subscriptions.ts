import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import { hasDeparted, shareDepartures } from '#src/infra/postgres/departures/departed-users.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Subscription {
  id: string
  endpoint: string
  p256dh: string
  auth: string
  label: string
  createdAt: Date
  lastSuccessAt: Date | null
}

const COLUMNS = [
  'id',
  'endpoint',
  'p256dh',
  'auth',
  'label',
  'created_at as createdAt',
  'last_success_at as lastSuccessAt',
] as const

export type StoreOutcome =
  | { kind: 'stored'; subscription: Subscription }
  | { kind: 'too_many' }
  | { kind: 'departed' }

/** Stores the subscription of a browser; one with its endpoint is replaced, also one of another user. */
export async function storeSubscription(
  tx: Transaction<Database>,
  given: Pick<Subscription, 'id' | 'endpoint' | 'p256dh' | 'auth' | 'label'> & { userId: string },
  limit: number,
): Promise<StoreOutcome> {
  const { id, userId, endpoint, p256dh, auth, label } = given
  await shareDepartures(tx)
  if (await hasDeparted(tx, userId)) return { kind: 'departed' }
  await sql`select pg_advisory_xact_lock(hashtextextended(${userId}, ${ADVISORY_LOCKS.pushSubscriptionsOfUser}))`.execute(
    tx,
  )
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from push_subscriptions
    where user_id = ${userId} and endpoint <> ${endpoint}`.execute(tx)
  if ((rows[0]?.count ?? 0) >= limit) return { kind: 'too_many' }
  const subscription = await tx
    .insertInto('push_subscriptions')
    .values({ id, user_id: userId, endpoint, p256dh, auth, label })
    .onConflict((conflict) =>
      conflict.column('endpoint').doUpdateSet({ user_id: userId, p256dh, auth, label }),
    )
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
  return { kind: 'stored', subscription }
}

/** A user's subscriptions, the oldest first. */
export async function readSubscriptions(
  db: Kysely<Database>,
  userId: string,
): Promise<Subscription[]> {
  return db
    .selectFrom('push_subscriptions')
    .select(COLUMNS)
    .where('user_id', '=', userId)
    .orderBy('id')
    .execute()
}

/** Those of these users who have a browser that shows notices. */
export async function readUsersWithBrowser(
  db: Kysely<Database>,
  userIds: readonly string[],
): Promise<Set<string>> {
  const { rows } = await sql<{ userId: string }>`
    select distinct user_id as "userId" from push_subscriptions
    where user_id = any(${[...new Set(userIds)]}::uuid[])`.execute(db)
  return new Set(rows.map(({ userId }) => userId))
}

/** Deletes a subscription of this user; false when there is none. */
export async function deleteSubscription(
  db: Kysely<Database>,
  id: string,
  userId: string,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('push_subscriptions')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

/** Deletes the subscriptions of deleted accounts. */
export async function deleteSubscriptionsOf(
  tx: Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  if (userIds.length === 0) return
  await tx.deleteFrom('push_subscriptions').where('user_id', 'in', userIds).execute()
}

/** Deletes browsers that have left. One that subscribed again meanwhile has other keys, and stays. */
export async function deleteGone(
  db: Kysely<Database>,
  { id, p256dh }: Pick<Subscription, 'id' | 'p256dh'>,
): Promise<void> {
  await db
    .deleteFrom('push_subscriptions')
    .where('id', '=', id)
    .where('p256dh', '=', p256dh)
    .execute()
}

/** Remembers which browsers took a message. */
export async function recordReached(db: Kysely<Database>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await db
    .updateTable('push_subscriptions')
    .set({ last_success_at: sql<Date>`clock_timestamp()` })
    .where('id', 'in', [...ids])
    .execute()
}
