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
    refreshTokens: await purgeInBatches(batch, () => purgeRefreshTokens(db, batch)),
    sessions: await purgeInBatches(batch, () => purgeSessions(db, batch)),
    pendingLogins: await purgeInBatches(batch, () => purgeExpired(db, 'pending_logins', batch)),
    passkeyChallenges: await purgeInBatches(batch, () =>
      purgeExpired(db, 'passkey_challenges', batch),
    ),
    passwordResets: await purgeInBatches(batch, () => purgeExpired(db, 'password_resets', batch)),
    registrations: await purgeInBatches(batch, () => purgeRegistrations(db, batch)),
    unaskedMails: await purgeInBatches(batch, () => purgeUnaskedMails(db, batch)),
    emailChanges: await purgeInBatches(batch, () => purgeEmailChanges(db, batch)),
    throttles: await purgeInBatches(batch, () => purgeThrottles(db, batch)),
    origins: await purgeInBatches(batch, () => purgeOrigins(db, batch)),
  }
}

async function purgeInBatches(batch: number, deleteSome: () => Promise<number>): Promise<number> {
  let total = 0
  for (;;) {
    const count = await deleteSome()
    total += count
    if (count < batch) return total
  }
}
