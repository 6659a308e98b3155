import type { Kysely } from 'kysely'
import { purgeEmailChanges } from '#src/infra/postgres/accounts/email-changes.ts'
import {
  purgeExpired,
  purgeRefreshTokens,
  purgeRegistrations,
  purgeSessions,
  purgeUnaskedMails,
} from '#src/infra/postgres/retention/purge.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { purgeThrottles } from '#src/infra/postgres/throttling/throttles.ts'
import { purgeOrigins } from '#src/infra/postgres/visitors/known-origins.ts'

const BATCH = 500

export interface Purged {
  refreshTokens: number
  sessions: number
  pendingLogins: number
  passkeyChallenges: number
  passwordResets: number
  registrations: number
  unaskedMails: number
  emailChanges: number
  throttles: number
  origins: number
}

/** Deletes everything that is due, in small batches so that no lock is held for long. */
export async function purge(db: Kysely<Database>, batch = BATCH): Promise<Purged> {
  return {
    refreshTokens: await untilLess(batch, () => purgeRefreshTokens(db, batch)),
    sessions: await untilLess(batch, () => purgeSessions(db, batch)),
    pendingLogins: await untilLess(batch, () => purgeExpired(db, 'pending_logins', batch)),
    passkeyChallenges: await untilLess(batch, () => purgeExpired(db, 'passkey_challenges', batch)),
    passwordResets: await untilLess(batch, () => purgeExpired(db, 'password_resets', batch)),
    registrations: await untilLess(batch, () => purgeRegistrations(db, batch)),
    unaskedMails: await untilLess(batch, () => purgeUnaskedMails(db, batch)),
    emailChanges: await untilLess(batch, () => purgeEmailChanges(db, batch)),
    throttles: await untilLess(batch, () => purgeThrottles(db, batch)),
    origins: await untilLess(batch, () => purgeOrigins(db, batch)),
  }
}

async function untilLess(batch: number, deleteSome: () => Promise<number>): Promise<number> {
  let total = 0
  for (;;) {
    const count = await deleteSome()
    total += count
    if (count < batch) return total
  }
}
