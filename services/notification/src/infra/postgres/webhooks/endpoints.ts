import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { DisabledReason } from '#src/domain/webhook-health.ts'
import { hasDeparted, shareDepartures } from '#src/infra/postgres/departures/departed-users.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** `deleted` endpoints are seen by the purge only. */
export type EndpointState = 'active' | 'paused' | 'disabled'

export interface Endpoint {
  id: string
  url: string
  description: string
  /** Null: all events. */
  eventTypes: string[] | null
  state: EndpointState
  disabledReason: DisabledReason | null
  ratePerSecond: number
  firstFailureAt: Date | null
  lastSuccessAt: Date | null
  previousSecretUntil: Date | null
  createdAt: Date
}

export interface SealedSecret {
  sealed: Buffer
  keyId: string
}

export interface NewEndpoint {
  id: string
  userId: string
  url: string
  description: string
  eventTypes: readonly string[] | null
  ratePerSecond: number
  secret: SealedSecret
}

const COLUMNS = [
  'id',
  'url',
  'description',
  'event_types as eventTypes',
  'state',
  'disabled_reason as disabledReason',
  'rate_per_second as ratePerSecond',
  'first_failure_at as firstFailureAt',
  'last_success_at as lastSuccessAt',
  'previous_secret_until as previousSecretUntil',
  'created_at as createdAt',
] as const

export type InsertOutcome =
  | { kind: 'created'; endpoint: Endpoint }
  | { kind: 'too_many' }
  | { kind: 'departed' }

/** Adds an endpoint, unless its user has too many or is gone. */
export async function insertEndpoint(
  tx: Transaction<Database>,
  { id, userId, url, description, eventTypes, ratePerSecond, secret }: NewEndpoint,
  limit: number,
): Promise<InsertOutcome> {
  await shareDepartures(tx)
  if (await hasDeparted(tx, userId)) return { kind: 'departed' }
  // One at a time for each user; otherwise two requests could both take the last place.
  await sql`select pg_advisory_xact_lock(hashtextextended(${userId}, ${ADVISORY_LOCKS.webhooksOfUser}))`.execute(
    tx,
  )
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from webhook_endpoints
    where user_id = ${userId} and state <> 'deleted'`.execute(tx)
  if ((rows[0]?.count ?? 0) >= limit) return { kind: 'too_many' }
  const endpoint = await tx
    .insertInto('webhook_endpoints')
    .values({
      id,
      user_id: userId,
      url,
      description,
      event_types: eventTypes === null ? null : [...eventTypes],
      rate_per_second: ratePerSecond,
      sealed_secret: secret.sealed,
      seal_key_id: secret.keyId,
    })
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
  return { kind: 'created', endpoint: endpoint as Endpoint }
}

const owned = (db: Kysely<Database>, userId: string) =>
  db
    .selectFrom('webhook_endpoints')
    .select(COLUMNS)
    .where('user_id', '=', userId)
    .where('state', '<>', 'deleted')

/** A user's endpoints, the oldest first. */
export async function readEndpoints(db: Kysely<Database>, userId: string): Promise<Endpoint[]> {
  return (await owned(db, userId).orderBy('id').execute()) as Endpoint[]
}

/** One endpoint of this user; undefined when there is none. */
export async function readEndpoint(
  db: Kysely<Database>,
  id: string,
  userId: string,
): Promise<Endpoint | undefined> {
  return (await owned(db, userId).where('id', '=', id).executeTakeFirst()) as Endpoint | undefined
}

export interface EndpointChanges {
  url?: string | undefined
  description?: string | undefined
  eventTypes?: readonly string[] | null | undefined
  ratePerSecond?: number | undefined
  state?: 'active' | 'paused' | undefined
}

/** Changes an endpoint of this user. One that becomes active again starts without failures. */
export async function updateEndpoint(
  db: Kysely<Database>,
  { id, userId }: { id: string; userId: string },
  { url, description, eventTypes, ratePerSecond, state }: EndpointChanges,
): Promise<Endpoint | undefined> {
  const endpoint = await db
    .updateTable('webhook_endpoints')
    .set({ changed_at: sql<Date>`clock_timestamp()` })
    .$if(url !== undefined, (query) => query.set({ url: url ?? '' }))
    .$if(description !== undefined, (query) => query.set({ description: description ?? '' }))
    .$if(eventTypes !== undefined, (query) =>
      query.set({ event_types: eventTypes == null ? null : [...eventTypes] }),
    )
    .$if(ratePerSecond !== undefined, (query) => query.set({ rate_per_second: ratePerSecond ?? 1 }))
    .$if(state !== undefined, (query) =>
      query.set({
        state: state ?? 'active',
        disabled_reason: null,
        first_failure_at: null,
        warned_at: null,
        is_slow: false,
      }),
    )
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('state', '<>', 'deleted')
    .returning(COLUMNS)
    .executeTakeFirst()
  return endpoint as Endpoint | undefined
}

/** Gives an endpoint of this user another secret; the one before signs as well until `hours` are over. */
export async function replaceSecret(
  db: Kysely<Database>,
  { id, userId }: { id: string; userId: string },
  secret: SealedSecret,
  hours: number,
): Promise<Endpoint | undefined> {
  const endpoint = await db
    .updateTable('webhook_endpoints')
    .set((eb) => ({
      sealed_previous_secret: eb.ref('sealed_secret'),
      previous_secret_until: sql<Date>`clock_timestamp() + make_interval(hours => ${hours})`,
      sealed_secret: secret.sealed,
      seal_key_id: secret.keyId,
      changed_at: sql<Date>`clock_timestamp()`,
    }))
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('state', '<>', 'deleted')
    .returning(COLUMNS)
    .executeTakeFirst()
  return endpoint as Endpoint | undefined
}

/** Leaves a row that is sent nothing and says nothing, until its messages are purged. */
function markDeleted(db: Kysely<Database>) {
  return db
    .updateTable('webhook_endpoints')
    .set({
      state: 'deleted',
      url: '',
      description: '',
      sealed_secret: Buffer.alloc(0),
      sealed_previous_secret: null,
      previous_secret_until: null,
      disabled_reason: null,
      changed_at: sql<Date>`clock_timestamp()`,
    })
    .where('state', '<>', 'deleted')
}

/** Deletes an endpoint of this user; false when there is none. */
export async function deleteEndpoint(
  db: Kysely<Database>,
  id: string,
  userId: string,
): Promise<boolean> {
  const { numUpdatedRows } = await markDeleted(db)
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Deletes the endpoints of deleted accounts. */
export async function deleteEndpointsOf(
  tx: Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  if (userIds.length === 0) return
  await markDeleted(tx).where('user_id', 'in', userIds).execute()
}

export interface SubscribedEndpoint {
  id: string
  userId: string
  eventTypes: string[] | null
}

/** The endpoints of these users that are sent something. */
export async function readActiveEndpointsOf(
  tx: Transaction<Database>,
  userIds: readonly string[],
): Promise<SubscribedEndpoint[]> {
  return tx
    .selectFrom('webhook_endpoints')
    .select(['id', 'user_id as userId', 'event_types as eventTypes'])
    .where('user_id', '=', sql<string>`any(${sql.val([...userIds])}::uuid[])`)
    .where('state', '=', 'active')
    .execute()
}

export interface SealedSecrets {
  id: string
  sealedSecret: Buffer
  sealedPreviousSecret: Buffer | null
}

/** Locks some endpoints whose secrets another key sealed than this one. */
export async function lockSealedByOthers(
  tx: Transaction<Database>,
  keyId: string,
  limit: number,
): Promise<SealedSecrets[]> {
  return tx
    .selectFrom('webhook_endpoints')
    .select(['id', 'sealed_secret as sealedSecret'])
    .select('sealed_previous_secret as sealedPreviousSecret')
    .where('seal_key_id', '<>', keyId)
    .where('state', '<>', 'deleted')
    .limit(limit)
    .forNoKeyUpdate()
    .skipLocked()
    .execute()
}

/** Stores secrets as the present key sealed them. */
export async function storeSealed(
  tx: Transaction<Database>,
  { id, sealedSecret, sealedPreviousSecret }: SealedSecrets,
  keyId: string,
): Promise<void> {
  await tx
    .updateTable('webhook_endpoints')
    .set({
      sealed_secret: sealedSecret,
      sealed_previous_secret: sealedPreviousSecret,
      seal_key_id: keyId,
    })
    .where('id', '=', id)
    .execute()
}
