import type { Caller } from '@auction/common/http/auth.ts'
import { notificationErrors } from '#src/errors.ts'

// As for changes of an account (R-ACC-5).
const MAX_AGE_SECONDS = 600

/**
 * A stolen session must not be enough to have everything sent elsewhere: the caller proved a short time ago who
 * they are, as the token says. `POST /identity/reauthenticate` gives one that does.
 */
export function requireFreshProof({ provenAt }: Caller, nowMs = Date.now()): void {
  if (provenAt !== undefined && nowMs - provenAt.getTime() <= MAX_AGE_SECONDS * 1_000) return
  throw notificationErrors.proofRequired({ maxAgeSeconds: MAX_AGE_SECONDS })
}
