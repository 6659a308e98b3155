import type { FastifyRequest } from 'fastify'
import { identityErrors } from '#src/errors.ts'
import type { LiveSession } from '#src/infra/postgres/sessions/sessions.ts'
import { requireFreshProof } from './require-fresh-proof.ts'
import type { SessionCheck } from './session-check.ts'

type CallerRequest = Pick<FastifyRequest, 'caller'>

/** Readers of the caller's live session, with or without a fresh proof. */
export function readersOf(checkSession: SessionCheck) {
  const sessionOf = async ({ caller }: CallerRequest): Promise<LiveSession> => {
    if (caller === null) throw identityErrors.unauthenticated()
    return checkSession(caller)
  }
  const provenSessionOf = async (request: CallerRequest): Promise<LiveSession> => {
    const session = await sessionOf(request)
    requireFreshProof(session)
    return session
  }
  return { sessionOf, provenSessionOf }
}
