import type { SharedAddress } from '@auction/common/contracts/shared-addresses.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import { KNOWN_ORIGIN_DAYS, KNOWN_ORIGINS_MAX, type Origin } from '#src/domain/throttle.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const remembered = sql`statement_timestamp() - make_interval(days => ${KNOWN_ORIGIN_DAYS})`

export interface OriginDigests {
  address: Buffer
  device: Buffer
}

/** From where an account was logged in to before, among what is offered; a device counts more. */
export async function findOrigin(
  db: Kysely<Database>,
  userId: string,
  { address, device }: OriginDigests,
): Promise<Origin> {
  const rows = await db
    .selectFrom('known_origins')
    .select('kind')
    .where('user_id', '=', userId)
    .where('digest', 'in', [address, device])
    .where('last_seen_at', '>', sql<Date>`${remembered}`)
    .execute()
  if (rows.some(({ kind }) => kind === 'device')) return 'device'
  return rows.length > 0 ? 'address' : 'unknown'
}

/** Remembers a login; of many origins the ones that were seen longest ago are forgotten. */
export async function rememberOrigins(
  tx: Transaction<Database>,
  userId: string,
  { address, device }: OriginDigests,
): Promise<void> {
  await sql`
    insert into known_origins (user_id, digest, kind)
    select ${userId}::uuid, digest, kind
      from (values (${address}::bytea, 'address'), (${device}::bytea, 'device')) o (digest, kind)
     order by digest
        on conflict (user_id, digest) do update set last_seen_at = clock_timestamp()`.execute(tx)
  // Another login of the same user may do this too: the second one leaves it to the first.
  await sql`
    delete from known_origins where user_id = ${userId} and digest in (
      select digest from known_origins where user_id = ${userId}
       order by last_seen_at desc offset ${KNOWN_ORIGINS_MAX}
       for update skip locked)`.execute(tx)
}

/** People who knew the old password are strangers from now on. */
export async function forgetOrigins(tx: Transaction<Database>, userId: string): Promise<void> {
  await tx.deleteFrom('known_origins').where('user_id', '=', userId).execute()
}

/** Deletes some origins that were not seen for long; answers how many. */
export async function purgeOrigins(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from known_origins where (user_id, digest) in (
      select user_id, digest from known_origins
       where last_seen_at < ${remembered}
       order by last_seen_at limit ${limit}
       for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}

/**
 * Who else was logged in to from the addresses of these users, while they are remembered. One of more
 * than `accountsMax` accounts (an office, a mobile network) pairs no accounts.
 */
export async function readSharedAddresses(
  db: Kysely<Database>,
  userIds: readonly string[],
  accountsMax: number,
): Promise<SharedAddress[]> {
  const { rows } = await sql<SharedAddress>`
    select mine.user_id as "userId", other.user_id as "otherId"
      from known_origins mine
      join lateral (
        select user_id from known_origins
         where digest = mine.digest and last_seen_at > ${remembered} limit ${accountsMax + 1}
      ) other on other.user_id <> mine.user_id
     where mine.kind = 'address' and mine.user_id = any(${[...userIds]}::uuid[])
       and mine.last_seen_at > ${remembered}
       and (select count(*) from (
             select 1 from known_origins
              where digest = mine.digest and last_seen_at > ${remembered} limit ${accountsMax + 1}
           ) as accounts) <= ${accountsMax}
     group by 1, 2 order by 1, 2`.execute(db)
  return rows
}
