import { type Kysely, sql, type Transaction } from 'kysely'
import type { Pool } from 'pg'
import { type AuthenticationMethod, FRESH_PROOF_SECONDS } from '#src/domain/fresh-proof.ts'
import {
  BROWSER_IDLE_HOURS,
  BROWSER_LIFETIME_HOURS,
  REMEMBERED_IDLE_DAYS,
  SESSION_LIFETIME_DAYS,
  SESSION_TOUCH_SECONDS,
} from '#src/domain/lifetimes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface LiveSession {
  sessionId: string
  id: string
  email: string
  name: string
  roles: string[]
  emailVerified: boolean
  twoFactorEnabled: boolean
  createdAt: Date
  /** When the person last proved who they are, and how. */
  authenticatedAt: Date
  methods: AuthenticationMethod[]
  isProofFresh: boolean
  /** It is a browser's. */
  hasCookie: boolean
}

/** Why a session ended before its time. */
export type RevocationReason =
  | 'logout'
  | 'logged_in_again'
  | 'refresh_token_replayed'
  | 'ended_by_owner'
  | 'password_changed'
  | 'password_reset'
  | 'email_changed'
  | 'two_factor_changed'
  | 'wrong_proofs'
  | 'suspended'
  | 'role_revoked'
  | 'deleted'

export interface NewSession {
  id: string
  userId: string
  device: string | null
  address: string | null
  methods: readonly AuthenticationMethod[]
  /** Of a browser's session; absent for one with refresh tokens. */
  cookie?: { digest: Buffer; isRemembered: boolean }
}

/** Starts a session that ends by itself after its lifetime; answers when it began and how long it may last. */
export async function insertSession(
  tx: Transaction<Database>,
  session: NewSession,
): Promise<{ authenticatedAt: Date; secondsLeft: number }> {
  return tx
    .insertInto('sessions')
    .values({
      id: session.id,
      user_id: session.userId,
      device: session.device,
      address: session.address,
      methods: [...session.methods],
      ...endsOf(session.cookie),
    })
    .returning([
      'authenticated_at as authenticatedAt',
      sql<number>`ceil(extract(epoch from coalesce(latest_end, expires_at) - clock_timestamp()))::int`.as(
        'secondsLeft',
      ),
    ])
    .executeTakeFirstOrThrow()
}

function endsOf(cookie: NewSession['cookie']) {
  const inDays = sql<Date>`clock_timestamp() + make_interval(days => ${SESSION_LIFETIME_DAYS})`
  if (cookie === undefined) return { expires_at: inDays }
  const { digest, isRemembered } = cookie
  return {
    cookie_digest: digest,
    remembered: isRemembered,
    expires_at: sql<Date>`clock_timestamp() + ${idleTime(isRemembered)}`,
    latest_end: isRemembered
      ? inDays
      : sql<Date>`clock_timestamp() + make_interval(hours => ${BROWSER_LIFETIME_HOURS})`,
  }
}

function idleTime(isRemembered: boolean) {
  return isRemembered
    ? sql`make_interval(days => ${REMEMBERED_IDLE_DAYS})`
    : sql`make_interval(hours => ${BROWSER_IDLE_HOURS})`
}

/** Whether a session still stands, as the database has it at this statement. */
export async function isSessionAlive(tx: Transaction<Database>, id: string): Promise<boolean> {
  const session = await tx
    .selectFrom('sessions')
    .select('id')
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', sql<Date>`statement_timestamp()`)
    .executeTakeFirst()
  return session !== undefined
}

/** Marks that the session's owner was here. */
export async function touchSession(tx: Transaction<Database>, id: string): Promise<void> {
  await tx
    .updateTable('sessions')
    .set({ last_seen_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .execute()
}

/** The session's owner proved one thing more; what was proved before is as old as it was. */
export async function addSessionMethod(
  tx: Transaction<Database>,
  sessionId: string,
  method: AuthenticationMethod,
): Promise<void> {
  await tx
    .updateTable('sessions')
    .set({ methods: sql<string[]>`array_append(array_remove(methods, ${method}), ${method})` })
    .where('id', '=', sessionId)
    .execute()
}

/** Ends a session for good; ending it twice keeps the first reason. */
export async function revokeSession(
  db: Kysely<Database>,
  id: string,
  reason: RevocationReason,
): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ revoked_at: sql<Date>`clock_timestamp()`, revoked_reason: reason })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .execute()
}

/**
 * Ends every session of a user, apart from one that may go on, and every login that waits for its
 * second factor. Called in the transaction of what makes them untrustworthy, after the user's row
 * is locked: a login under way waits for that lock.
 */
export async function revokeSessionsOfUser(
  tx: Transaction<Database>,
  userId: string,
  reason: RevocationReason,
  exceptSessionId?: string,
): Promise<void> {
  await tx.deleteFrom('pending_logins').where('user_id', '=', userId).execute()
  await tx
    .updateTable('sessions')
    .set({ revoked_at: sql<Date>`clock_timestamp()`, revoked_reason: reason })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .$if(exceptSessionId !== undefined, (query) => query.where('id', '!=', String(exceptSessionId)))
    .execute()
}

const LIVE_COLUMNS = `s.id as "sessionId", u.id, u.email, u.name, u.roles,
                  u.email_verified_at is not null as "emailVerified", u.created_at as "createdAt",
                  u.two_factor_enabled_at is not null as "twoFactorEnabled",
                  s.authenticated_at as "authenticatedAt", s.methods,
                  s.authenticated_at > statement_timestamp() - make_interval(secs => $2) as "isProofFresh",
                  s.cookie_digest is not null as "hasCookie"`
const ALIVE = `s.revoked_at is null and s.expires_at > statement_timestamp() and u.status = 'active'`

/**
 * Those of the sessions that are alive and whose user is active, with the user as stored now.
 * Both joins go by primary key, and the statement is prepared once per connection.
 */
export async function readLiveSessions(
  pool: Pool,
  sessionIds: readonly string[],
): Promise<LiveSession[]> {
  const { rows } = await pool.query<LiveSession>({
    name: 'read-live-sessions',
    text: `select ${LIVE_COLUMNS}
             from sessions s join users u on u.id = s.user_id
            where s.id = any($1::uuid[]) and ${ALIVE}`,
    values: [sessionIds, FRESH_PROOF_SECONDS],
  })
  return rows
}

export interface CookieSession extends LiveSession {
  cookieDigest: Buffer
  /** It was used, and this is not written down yet. */
  isTouchDue: boolean
}

/** The same, by the digests of cookies. */
export async function readCookieSessions(
  pool: Pool,
  digests: readonly Buffer[],
): Promise<CookieSession[]> {
  const { rows } = await pool.query<CookieSession>({
    name: 'read-cookie-sessions',
    text: `select ${LIVE_COLUMNS}, s.cookie_digest as "cookieDigest",
                  s.last_seen_at < statement_timestamp() - make_interval(secs => $3) as "isTouchDue"
             from sessions s join users u on u.id = s.user_id
            where s.cookie_digest = any($1::bytea[]) and ${ALIVE}`,
    values: [digests, FRESH_PROOF_SECONDS, SESSION_TOUCH_SECONDS],
  })
  return rows
}

/**
 * Writes down that these browser sessions were used, and moves their end. What another process
 * wrote down a moment ago stays, and what ended meanwhile stays ended.
 */
export async function touchCookieSessions(pool: Pool, ids: readonly string[]): Promise<void> {
  await pool.query({
    name: 'touch-cookie-sessions',
    text: `update sessions
              set last_seen_at = clock_timestamp(),
                  expires_at = least(latest_end, clock_timestamp() + case when remembered
                    then make_interval(days => $2) else make_interval(hours => $3) end)
            where id in (
              select id from sessions
               where id = any($1::uuid[]) and revoked_at is null and cookie_digest is not null
                 and expires_at > statement_timestamp()
                 and last_seen_at < statement_timestamp() - make_interval(secs => $4)
               order by id for update skip locked)`,
    values: [ids, REMEMBERED_IDLE_DAYS, BROWSER_IDLE_HOURS, SESSION_TOUCH_SECONDS],
  })
}

/** How a browser shall keep its cookie. */
export interface KeptCookie {
  isRemembered: boolean
  secondsLeft: number
}

const KEPT = [
  sql<boolean>`remembered`.as('isRemembered'),
  sql<number>`ceil(extract(epoch from latest_end - clock_timestamp()))::int`.as('secondsLeft'),
] as const

/**
 * Gives a browser's session another cookie, after which the old one opens nothing; undefined when
 * the session ended, or got another one meanwhile.
 */
export async function replaceCookie(
  db: Kysely<Database>,
  change: CookieChange,
): Promise<KeptCookie | undefined> {
  return db
    .updateTable('sessions')
    .set({ cookie_digest: change.to })
    .where('cookie_digest', '=', change.from)
    .where('revoked_at', 'is', null)
    .returning(KEPT)
    .executeTakeFirst()
}

/** The digests of the cookie that goes and of the one that comes. */
export interface CookieChange {
  from: Buffer
  to: Buffer
}

/** Ends the session that a browser had before it logged in again. */
export async function revokeCookieSession(
  db: Kysely<Database>,
  digest: Buffer,
  reason: RevocationReason,
): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ revoked_at: sql<Date>`clock_timestamp()`, revoked_reason: reason })
    .where('cookie_digest', '=', digest)
    .where('revoked_at', 'is', null)
    .execute()
}

export interface OwnSession {
  id: string
  device: string | null
  address: string | null
  createdAt: Date
  lastSeenAt: Date
}

/** A user's sessions that are alive, the latest used first. */
export async function readSessionsOfUser(
  db: Kysely<Database>,
  userId: string,
): Promise<OwnSession[]> {
  return db
    .selectFrom('sessions')
    .select(['id', 'device', sql<string | null>`host(address)`.as('address')])
    .select(['created_at as createdAt', 'last_seen_at as lastSeenAt'])
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', sql<Date>`statement_timestamp()`)
    .orderBy('last_seen_at', 'desc')
    .limit(100)
    .execute()
}

/** Ends a session of this user; false when they have no such session. */
export async function revokeOwnSession(
  db: Kysely<Database>,
  id: string,
  userId: string,
): Promise<boolean> {
  const result = await db
    .updateTable('sessions')
    .set({ revoked_at: sql<Date>`clock_timestamp()`, revoked_reason: 'ended_by_owner' })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}
