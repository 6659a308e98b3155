import { type Kysely, sql, type Transaction } from 'kysely'
import { type AuthenticationMethod, PROOF_TRIES_MAX } from '#src/domain/fresh-proof.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * Counts a proof before it is looked at; undefined when the session is over or has no try left.
 * Only the holder of a session can use its tries up, so a stranger locks no user out.
 */
export async function admitProof(
  db: Kysely<Database>,
  sessionId: string,
): Promise<{ triesLeft: number } | undefined> {
  return db
    .updateTable('sessions')
    .set({ failed_proofs: sql`failed_proofs + 1` })
    .where('id', '=', sessionId)
    .where('revoked_at', 'is', null)
    .where('failed_proofs', '<', PROOF_TRIES_MAX)
    .returning(sql<number>`${PROOF_TRIES_MAX} - failed_proofs`.as('triesLeft'))
    .executeTakeFirst()
}

/** Gives a try back: the password was right, or whether it was right was never found out. */
export async function forgetProof(db: Kysely<Database>, sessionId: string): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ failed_proofs: sql`greatest(failed_proofs - 1, 0)` })
    .where('id', '=', sessionId)
    .execute()
}

/** The session's owner has just proved who they are; undefined when the session ended meanwhile. */
export async function renewProof(
  tx: Transaction<Database>,
  sessionId: string,
  methods: readonly AuthenticationMethod[],
): Promise<{ authenticatedAt: Date } | undefined> {
  return tx
    .updateTable('sessions')
    .set({
      authenticated_at: sql<Date>`clock_timestamp()`,
      methods: [...methods],
      failed_proofs: 0,
    })
    .where('id', '=', sessionId)
    .where('revoked_at', 'is', null)
    .returning('authenticated_at as authenticatedAt')
    .executeTakeFirst()
}
