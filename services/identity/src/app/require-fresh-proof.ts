import { FRESH_PROOF_SECONDS } from '#src/domain/fresh-proof.ts'
import { identityErrors } from '#src/errors.ts'
import type { LiveSession } from '#src/infra/postgres/sessions.ts'

/** Sensitive changes pass only shortly after the person proved who they are, by database time. */
export function requireFreshProof(session: Pick<LiveSession, 'isProofFresh'>): void {
  if (session.isProofFresh) return
  throw identityErrors.proofRequired({ maxAgeSeconds: FRESH_PROOF_SECONDS })
}
