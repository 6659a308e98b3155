import { FRESH_PROOF_SECONDS } from '#src/domain/fresh-proof.ts'
import { identityErrors } from '#src/errors.ts'
import type { LiveSession } from '#src/infra/postgres/sessions/sessions.ts'

/**
 * Sensitive changes pass only shortly after the person proved who they are, by database time, and
 * where two-factor is on only if more than the password was proved.
 */
export function requireFreshProof({
  isProofFresh,
  twoFactorEnabled,
  methods,
}: Pick<LiveSession, 'isProofFresh' | 'twoFactorEnabled' | 'methods'>): void {
  const isEnough = !twoFactorEnabled || methods.some((method) => method !== 'pwd')
  if (isProofFresh && isEnough) return
  throw identityErrors.proofRequired({ maxAgeSeconds: FRESH_PROOF_SECONDS })
}
