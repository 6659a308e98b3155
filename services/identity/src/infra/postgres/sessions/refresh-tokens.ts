import { sql, type Transaction } from 'kysely'
import type { AuthenticationMethod } from '#src/domain/fresh-proof.ts'
import { REFRESH_GRACE_SECONDS, REFRESH_TOKEN_LIFETIME_DAYS } from '#src/domain/lifetimes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface LockedRefreshToken {
  sessionId: string
  userId: string
  email: string
  name: string
  roles: string[]
  /** Of the session: a refresh is no new proof. */
  authenticatedAt: Date
  methods: AuthenticationMethod[]
  /** Token, session and user may all still be used. */
  isAlive: boolean
  isUsed: boolean
  isWithinGrace: boolean
}

/** Stores a refresh token's digest; it never outlives its session. The same one twice is one. */
export async function insertRefreshToken(
  tx: Transaction<Database>,
  digest: Buffer,
  sessionId: string,
): Promise<void> {
  await sql`
    insert into refresh_tokens (digest, session_id, expires_at)
    select ${digest}, id,
           least(expires_at, clock_timestamp() + make_interval(days => ${REFRESH_TOKEN_LIFETIME_DAYS}))
      from sessions where id = ${sessionId}
    on conflict (digest) do nothing`.execute(tx)
}

/**
 * Reads a refresh token and locks it: of parallel refreshes one rotates, and the others wait and
 * then see it used.
 */
export async function lockRefreshToken(
  tx: Transaction<Database>,
  digest: Buffer,
): Promise<LockedRefreshToken | undefined> {
  const { rows } = await sql<LockedRefreshToken>`
    select r.session_id as "sessionId", u.id as "userId", u.email, u.name, u.roles,
           s.authenticated_at as "authenticatedAt", s.methods,
           r.expires_at > statement_timestamp() and s.expires_at > statement_timestamp()
             and s.revoked_at is null and u.status = 'active' as "isAlive",
           r.used_at is not null as "isUsed",
           coalesce(r.used_at > statement_timestamp() - make_interval(secs => ${REFRESH_GRACE_SECONDS}),
             false) as "isWithinGrace"
      from refresh_tokens r
      join sessions s on s.id = r.session_id
      join users u on u.id = s.user_id
     where r.digest = ${digest}
       for update of r`.execute(tx)
  return rows[0]
}

/** From now on presenting this token again is a replay, apart from the grace. */
export async function markUsed(tx: Transaction<Database>, digest: Buffer): Promise<void> {
  await tx
    .updateTable('refresh_tokens')
    .set({ used_at: sql<Date>`clock_timestamp()` })
    .where('digest', '=', digest)
    .where('used_at', 'is', null)
    .execute()
}
