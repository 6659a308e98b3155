import { type App, buildServer } from '@auction/common/http/server.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import type { Registry } from 'prom-client'
import type { ThrottleSettings } from '#src/domain/throttle.ts'
import { identityErrors } from '#src/errors.ts'
import { createPasswordHasher } from '#src/infra/argon2/password-hasher.ts'
import type { Permits } from '#src/infra/argon2/permits.ts'
import type { SecretBox } from '#src/infra/crypto/secret-box.ts'
import { createPhotoEncoder } from '#src/infra/images/photo.ts'
import type { BreachCheck } from '#src/infra/passwords/breached-passwords.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createRelyingParty } from '#src/infra/webauthn/relying-party.ts'
import { createAccessTokens } from './access-token.ts'
import type { KeyStore } from './key-store.ts'
import type { Mails } from './mails.ts'
import { createIdentityMetrics } from './metrics.ts'
import type { ObligationCheck } from './obligations.ts'
import type { EmailVerification } from './require-verified-email.ts'
import { accountRoutes } from './routes/accounts.ts'
import { challengeRoutes } from './routes/challenge.ts'
import { deletionRoutes } from './routes/deletion.ts'
import { emailRoutes } from './routes/email.ts'
import { keyRoutes } from './routes/keys.ts'
import { operatorRoutes } from './routes/operators.ts'
import { ownSessionRoutes } from './routes/own-sessions.ts'
import { passkeyLoginRoutes } from './routes/passkey-login.ts'
import { passkeyRoutes } from './routes/passkeys.ts'
import { passwordRoutes } from './routes/passwords.ts'
import { photoRoutes } from './routes/profile-photos.ts'
import { profileRoutes } from './routes/profiles.ts'
import { proofRoutes } from './routes/proof.ts'
import { roleRoutes } from './routes/roles.ts'
import { sellerTermsRoutes } from './routes/seller-terms.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { sharedAddressRoutes } from './routes/shared-addresses.ts'
import { twoFactorRoutes } from './routes/two-factor.ts'
import { createSessionCheck } from './session-check.ts'
import { createThrottle } from './throttle.ts'

const BODY_LIMIT_BYTES = 4 * 1024

export interface AppDependencies {
  pool: Pool
  db: Kysely<Database>
  keys: KeyStore
  /** How many passwords may be hashed at once, and how many may wait for it. */
  permits: Permits
  successorKey: Buffer
  box: SecretBox
  mails: Mails
  isBreached: BreachCheck
  /** Who is asked before an account is deleted. */
  obligationsOf: ObligationCheck
  issuer: string
  /** The address that people type; passkeys are bound to it. */
  publicUrl: string
  internalSecret: string
  /** Whose X-Forwarded-For is believed (common's `readTrustedProxies`). */
  trustedProxies: readonly string[]
  throttleKey: Buffer
  throttles: ThrottleSettings
  legacyAlias: boolean
  emailVerification: EmailVerification
  log: Logger
  registry: Registry
}

/** The identity API, ready for `listen` or `inject`. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const { pool, keys, permits, issuer, internalSecret, log, registry } = dependencies
  const app = await buildServer({
    service: 'identity',
    log,
    registry,
    // It verifies with its own key store and so never calls itself over HTTP.
    auth: { issuer, jwks: keys, internalSecret, unauthenticated: identityErrors.unauthenticated },
    docs: {
      prefix: '/identity',
      title: 'Identity API',
      description: 'Accounts, sessions and the keys that access tokens are verified with.',
    },
    bodyLimitBytes: BODY_LIMIT_BYTES,
    trustedProxies: dependencies.trustedProxies,
  })
  const metrics = createIdentityMetrics(registry, permits)
  const hasher = await createPasswordHasher(permits)
  const relyingParty = createRelyingParty(dependencies.publicUrl, 'Auction')
  const accessTokens = createAccessTokens(keys, issuer)
  const checkSession = createSessionCheck(pool)
  const { db, throttleKey: key, throttles: settings } = dependencies
  const throttle = createThrottle({ db, key, settings, metrics })
  await sharedAddressRoutes(app, { db })
  await accountRoutes(app, {
    ...dependencies,
    hasher,
    metrics,
    throttle,
    checkSession,
  })
  await sessionRoutes(app, {
    ...dependencies,
    hasher,
    metrics,
    throttle,
    accessTokens,
  })
  const factors = { ...dependencies, metrics, throttle, checkSession, accessTokens, relyingParty }
  await twoFactorRoutes(app, factors)
  await challengeRoutes(app, factors)
  await proofRoutes(app, { ...factors, hasher })
  await passkeyRoutes(app, factors)
  await passkeyLoginRoutes(app, factors)
  await ownSessionRoutes(app, { ...dependencies, checkSession })
  await sellerTermsRoutes(app, factors)
  await operatorRoutes(app, { ...dependencies, checkSession })
  await roleRoutes(app, { ...dependencies, checkSession })
  await passwordRoutes(app, { ...dependencies, hasher, throttle, checkSession })
  await profileRoutes(app, { ...dependencies, checkSession })
  const encoder = createPhotoEncoder()
  await photoRoutes(app, { ...dependencies, checkSession, throttle, encoder })
  await emailRoutes(app, { ...dependencies, hasher, metrics, checkSession })
  await deletionRoutes(app, { ...dependencies, checkSession })
  await keyRoutes(app, { keys })
  return app
}
