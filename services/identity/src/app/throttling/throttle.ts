import { createHmac } from 'node:crypto'
import { networkOf } from '@auction/common/http/network-of.ts'
import type { Kysely } from 'kysely'
import type { IdentityMetrics } from '#src/app/metrics/identity-metrics.ts'
import type { Visitor } from '#src/app/visitors/visitor.ts'
import {
  limitsOf,
  type Origin,
  type ThrottleScope,
  type ThrottleSettings,
  type ThrottleSubject,
} from '#src/domain/throttle.ts'
import { throttled } from '#src/errors.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  countTries,
  type FullThrottle,
  readFull,
  returnTries,
} from '#src/infra/postgres/throttling/throttles.ts'
import { findOrigin, type OriginDigests } from '#src/infra/postgres/visitors/known-origins.ts'

/** No account has this id: an unknown user costs the same queries as a known one. */
const NO_USER_ID = '00000000-0000-0000-0000-000000000000'

export interface Try {
  scope: ThrottleScope
  /** What it counts against. */
  subjects: readonly ThrottleSubject[]
  visitor: Visitor
  /** The account as the visitor named it, whether it exists or not. */
  account?: string
  /** What was counted for the account under another number does not count (R-ACC-3). */
  ownershipProofs?: number
}

/** A try that was counted, as if it were wrong. */
export interface Admission {
  /** It was right: counters that only the owner fills are reset, others lose this one try. */
  forgive(): Promise<void>
  /** It was never found out whether it was right. */
  takeBack(): Promise<void>
}

export interface Throttle {
  /** Counts a try before it is looked at, or throws identity.throttled. */
  admit(attempt: Try): Promise<Admission>
  originOf(userId: string | undefined, visitor: Visitor): Promise<Origin>
  digestsOf(visitor: Visitor): OriginDigests
}

export interface ThrottleDependencies {
  db: Kysely<Database>
  key: Buffer
  settings: ThrottleSettings
  metrics: IdentityMetrics
}

/** Counts tries in PostgreSQL, where every replica sees them and a restart forgets none. */
export function createThrottle({ db, key, settings, metrics }: ThrottleDependencies): Throttle {
  const limits = limitsOf(settings)
  const digest = (...parts: string[]) =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest()
  const keyOf = (
    { scope, visitor, account = '', ownershipProofs = 0 }: Try,
    subject: ThrottleSubject,
  ) => {
    const network = networkOf(visitor.address ?? '')
    // Without a proof as versions before knew it, so that their counters go on.
    const proofs = ownershipProofs === 0 ? [] : [String(ownershipProofs)]
    switch (subject) {
      case 'account':
        return digest(scope, subject, account, ...proofs)
      case 'address':
        return digest(scope, subject, network)
      case 'pair':
        return digest(scope, subject, account, network, ...proofs)
      case 'device':
        return digest(scope, subject, account, visitor.deviceToken, ...proofs)
    }
  }
  // Who comes from nowhere shares no origin with others.
  const digestsOf = ({ address, deviceToken }: Visitor) => ({
    address: digest('origin', 'address', address === null ? deviceToken : networkOf(address)),
    device: digest('origin', 'device', deviceToken),
  })
  return {
    digestsOf,
    originOf: (userId, visitor) => findOrigin(db, userId ?? NO_USER_ID, digestsOf(visitor)),
    async admit(attempt) {
      const counted = attempt.subjects.map((subject) => {
        return { subject, key: keyOf(attempt, subject), ...limits[attempt.scope][subject] }
      })
      const refuseWhen = (full: FullThrottle[]) => {
        if (full.length === 0) return
        for (const { subject, key } of counted)
          if (full.some((other) => other.key.equals(key))) metrics.throttled(subject)
        throw throttled(Math.max(...full.map(({ waitSeconds }) => waitSeconds)))
      }
      refuseWhen(await readFull(db, counted))
      await db.transaction().execute(async (tx) => refuseWhen(await countTries(tx, counted)))
      const keys = counted.map((one) => one.key)
      const own = counted.filter(({ subject }) => subject === 'pair' || subject === 'device')
      return {
        forgive: () =>
          returnTries(
            db,
            keys,
            own.map((one) => one.key),
          ),
        takeBack: () => returnTries(db, keys),
      }
    },
  }
}
