import type { Permits } from '@auction/common/process/permits.ts'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { ThrottleSubject } from '#src/domain/throttle.ts'

export interface IdentityMetrics {
  registered(outcome: 'asked' | 'created'): void
  loggedIn(
    outcome:
      | 'accepted'
      | 'refused'
      | 'suspended'
      | 'deleting'
      | 'throttled'
      | 'busy'
      | 'code_asked'
      | 'challenge_over',
  ): void
  refreshed(outcome: string): void
  passkey(outcome: 'added' | 'accepted' | 'refused' | 'counter_went_back' | 'removed'): void
  reauthenticated(outcome: 'accepted' | 'refused'): void
  throttled(by: ThrottleSubject): void
  cookieRequest(outcome: CookieOutcome): void
  codeChecked(outcome: 'totp' | 'recovery' | 'refused' | 'throttled'): void
}

const COOKIE_OUTCOMES = ['accepted', 'unknown', 'ambiguous', 'cross_site', 'mismatch'] as const
type CookieOutcome = (typeof COOKIE_OUTCOMES)[number]

/** Registrations, logins and refreshes by outcome, and passwords being hashed or waiting for it. */
export function createIdentityMetrics(registry: Registry, permits: Permits): IdentityMetrics {
  const counter = (name: string, help: string) =>
    new Counter({ name, help, labelNames: ['outcome'], registers: [registry] })
  const registrations = counter('identity_registrations_total', 'Registrations by outcome.')
  const logins = counter('identity_logins_total', 'Logins by outcome.')
  const refreshes = counter('identity_refreshes_total', 'Refreshed sessions by outcome.')
  const proofs = counter('identity_reauthentications_total', 'Fresh proofs by outcome.')
  const passkeys = counter('identity_passkeys_total', 'Passkeys added, used and removed.')
  const codes = counter(
    'identity_second_factor_codes_total',
    'Codes by outcome: what kind of right code it was, or why it did not count.',
  )
  const cookieRequests = counter(
    'identity_cookie_requests_total',
    'Requests with the session cookie of a browser by outcome.',
  )
  // A rate of a counter that is not there yet misses its first step.
  for (const outcome of COOKIE_OUTCOMES) cookieRequests.inc({ outcome }, 0)
  const throttled = new Counter({
    name: 'identity_throttled_total',
    help: 'Tries that were not looked at, by whose limit was reached.',
    labelNames: ['by'],
    registers: [registry],
  })
  new Gauge({
    name: 'identity_password_hashes',
    help: 'Passwords being hashed (active) and waiting for it.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'active' }, permits.active)
      this.set({ state: 'waiting' }, permits.waiting)
    },
  })
  return {
    registered: (outcome) => registrations.inc({ outcome }),
    loggedIn: (outcome) => logins.inc({ outcome }),
    refreshed: (outcome) => refreshes.inc({ outcome }),
    passkey: (outcome) => passkeys.inc({ outcome }),
    reauthenticated: (outcome) => proofs.inc({ outcome }),
    throttled: (by) => throttled.inc({ by }),
    cookieRequest: (outcome) => cookieRequests.inc({ outcome }),
    codeChecked: (outcome) => codes.inc({ outcome }),
  }
}
