import { type App, buildServer } from '@auction/common/http/server.ts'
import { UPLOAD_TIMEOUT_MS } from '@auction/common/http/slow-bodies.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { Permits } from '@auction/common/process/permits.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import type { Registry } from 'prom-client'
import { accountRoutes } from '#src/app/accounts/account-routes.ts'
import { emailRoutes } from '#src/app/accounts/email-routes.ts'
import type { EmailVerification } from '#src/app/accounts/require-verified-email.ts'
import { contactRoutes } from '#src/app/contacts/routes.ts'
import type { KeyStore } from '#src/app/keys/key-store.ts'
import { keyRoutes } from '#src/app/keys/routes.ts'
import type { ObligationCheck } from '#src/app/leaving/obligations.ts'
import { deletionRoutes } from '#src/app/leaving/routes.ts'
import { ownSessionRoutes } from '#src/app/login/own-session-routes.ts'
import { sessionRoutes } from '#src/app/login/session-routes.ts'
import type { Mails } from '#src/app/mails/mails.ts'
import { createIdentityMetrics } from '#src/app/metrics/identity-metrics.ts'
import { roleRoutes } from '#src/app/operators/role-routes.ts'
import { operatorRoutes } from '#src/app/operators/user-routes.ts'
import { passkeyLoginRoutes } from '#src/app/passkeys/login-routes.ts'
import { passkeyRoutes } from '#src/app/passkeys/passkey-routes.ts'
import { passwordRoutes } from '#src/app/passwords/routes.ts'
import { photoRoutes } from '#src/app/profiles/photo-routes.ts'
import { profileRoutes } from '#src/app/profiles/profile-routes.ts'
import { proofRoutes } from '#src/app/proofs/routes.ts'
import { sellerTermsRoutes } from '#src/app/seller-terms/routes.ts'
import { createAccessTokens } from '#src/app/sessions/access-token.ts'
import { createBrowserSessions } from '#src/app/sessions/browser-session.ts'
import { enforceSessions } from '#src/app/sessions/caller-session.ts'
import { createCookieTokens } from '#src/app/sessions/cookie-tokens.ts'
import { createSessionCheck } from '#src/app/sessions/session-check.ts'
import { createThrottle } from '#src/app/throttling/throttle.ts'
import { challengeRoutes } from '#src/app/two-factor/challenge-routes.ts'
import { twoFactorRoutes } from '#src/app/two-factor/two-factor-routes.ts'
import { sharedAddressRoutes } from '#src/app/visitors/routes.ts'
import type { ThrottleSettings } from '#src/domain/throttle.ts'
import { identityErrors } from '#src/errors.ts'
import { createPhotoEncoder } from '#src/infra/images/photo.ts'
import type { BreachCheck } from '#src/infra/passwords/breached-passwords.ts'
import { createPasswordHasher } from '#src/infra/passwords/password-hasher.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { createRelyingParty } from '#src/infra/webauthn/relying-party.ts'

const BODY_LIMIT_BYTES = 4 * 1024

export interface AppDependencies {
  /** For the check of sessions, which is prepared; everything else goes through `db`. */
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
  /** How long an account that its owner closed can be kept. */
  deletionDays: number
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
  const metrics = createIdentityMetrics(registry, permits)
  const accessTokens = createAccessTokens(keys, issuer)
  const browserSessions = createBrowserSessions(
    { ...dependencies, metrics },
    createCookieTokens(accessTokens, keys),
  )
  const app = await buildServer({
    service: 'identity',
    log,
    registry,
    // It verifies with its own key store and so never calls itself over HTTP.
    auth: {
      issuer,
      jwks: keys,
      internalSecret,
      unauthenticated: identityErrors.unauthenticated,
      forbidden: identityErrors.forbidden,
      // Those that the database has now: a role counts from the moment it is granted.
      rolesOf: async (request) => request.session.roles,
      beforeToken: (request) => browserSessions.beforeToken(request),
    },
    docs: {
      prefix: '/identity',
      title: 'Identity API',
      description: 'Accounts, sessions and the keys that access tokens are verified with.',
      tags: {
        accounts: 'Registration and the account of the caller.',
        sessions: 'Login, refresh, logout and proofs of identity.',
        'two-factor': 'Authenticator apps and recovery codes.',
        passkeys: 'Passkeys, and logging in with them.',
        passwords: 'Changing and resetting a password.',
        'e-mail': 'Verifying and changing an e-mail address.',
        profiles: 'What users show of themselves.',
        operators: 'Accounts and roles, for moderators and administrators.',
        keys: 'Keys that access tokens are verified with.',
      },
    },
    bodyLimitBytes: BODY_LIMIT_BYTES,
    uploadTimeoutMs: UPLOAD_TIMEOUT_MS,
    trustedProxies: dependencies.trustedProxies,
  })
  const checkSession = createSessionCheck(pool)
  enforceSessions(app, { checkSession, browserSessions, metrics })
  const { db, throttleKey: key, throttles: settings } = dependencies
  const parts = {
    ...dependencies,
    metrics,
    checkSession,
    browserSessions,
    hasher: await createPasswordHasher(permits),
    throttle: createThrottle({ db, key, settings, metrics }),
    accessTokens,
    relyingParty: createRelyingParty(dependencies.publicUrl, 'Auction'),
    encoder: createPhotoEncoder(),
  }
  await sharedAddressRoutes(app, parts)
  await contactRoutes(app, parts)
  await accountRoutes(app, parts)
  await sessionRoutes(app, parts)
  await twoFactorRoutes(app, parts)
  await challengeRoutes(app, parts)
  await proofRoutes(app, parts)
  await passkeyRoutes(app, parts)
  await passkeyLoginRoutes(app, parts)
  await ownSessionRoutes(app, parts)
  await sellerTermsRoutes(app, parts)
  await operatorRoutes(app, parts)
  await roleRoutes(app, parts)
  await passwordRoutes(app, parts)
  await profileRoutes(app, parts)
  await photoRoutes(app, parts)
  await emailRoutes(app, parts)
  await deletionRoutes(app, parts)
  await keyRoutes(app, parts)
  return app
}
