import { randomBytes } from 'node:crypto'
import { createDatabase } from '@auction/common/postgres/database.ts'
import { createPool, type PostgresConfig } from '@auction/common/postgres/pool.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createPermits } from '@auction/common/process/permits.ts'
import { createSecretBox, type SecretBox } from '@auction/common/secret-box.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import {
  createTestDatabase,
  TEST_CONNECTION_TIMEOUT_MS,
  type Teardown,
  type TestDatabase,
} from '@auction/common/testing/database.ts'
import { expectDocumentedAnswers } from '@auction/common/testing/documented-answers.ts'
import type { Kysely } from 'kysely'
import type { EmailVerification } from '#src/app/accounts/require-verified-email.ts'
import { buildApp } from '#src/app/app.ts'
import { createKeyStore } from '#src/app/keys/key-store.ts'
import type { ObligationCheck } from '#src/app/leaving/obligations.ts'
import { createMails } from '#src/app/mails/mails.ts'
import type { ThrottleSettings } from '#src/domain/throttle.ts'
import { createBreachCheck } from '#src/infra/passwords/breached-passwords.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { SERVICE } from '#src/service.ts'

export const ISSUER = 'auction-identity'
export const PUBLIC_URL = 'https://auction.example'
export const INTERNAL_SECRET = 'a secret between services, for tests'

export const PERSON = {
  name: 'Ann Lee',
  email: 'ann@example.org',
  password: 'correct horse battery staple',
} as const

/** Whom the API under test believes about addresses. */
export const TEST_GATEWAY = '10.255.255.1'

const log = createLogger('identity', 'silent')

/** Tests also look at tables that identity's own queries never read. */
export type TestDb = Kysely<Database>

export const newKeyEncryptionKey = () => randomBytes(32).toString('base64')

/** An empty, migrated database of its own. */
export async function createIdentityDatabase(t: Teardown) {
  const { pool, ...database } = await createTestDatabase(t, SERVICE.migrations)
  return { ...database, pool, db: createDatabase<Database>(pool) }
}

/** The same database by a pool of its own, as another replica has one. */
function connectBeside({ config, createPool }: Pick<TestDatabase, 'config' | 'createPool'>) {
  const pool = createPool()
  return { config, createPool, pool, db: createDatabase<Database>(pool) }
}

export interface IdentityOptions {
  concurrency?: number
  queueMax?: number
  legacyAlias?: boolean
  /** Optional by default, so that people can log in as soon as they are registered. */
  emailVerification?: EmailVerification
  breachedPasswordsUrl?: string
  throttles?: Partial<ThrottleSettings>
  /** What bid and auction say that a user owes. */
  obligations?: ObligationCheck
  /** How long a closed account can be kept; 7 by default. */
  deletionDays?: number
  /** One that runs already: this is a replica of it, on the same database. */
  beside?: Pick<TestDatabase, 'config' | 'createPool'> & { box: SecretBox }
  /** Another way to the same database, for tests that cut it. */
  connectThrough?: (config: PostgresConfig) => Promise<PostgresConfig>
}

/** The whole API on a database of its own, and shortcuts for its commonest calls. */
export async function startIdentity(t: Teardown, options: IdentityOptions = {}) {
  expectDocumentedAnswers(t)
  const { connectThrough, beside } = options
  const database = beside === undefined ? await createIdentityDatabase(t) : connectBeside(beside)
  const box = beside?.box ?? createSecretBox(newKeyEncryptionKey())
  const registry = createRegistry('identity')
  const pool =
    connectThrough === undefined
      ? database.pool
      : createPool(await connectThrough(database.config), {
          log,
          connectionTimeoutMs: TEST_CONNECTION_TIMEOUT_MS,
        })
  const db = createDatabase<Database>(pool)
  const keys = await createKeyStore({ db, box, log })
  const permits = createPermits({
    concurrency: options.concurrency ?? 2,
    queueMax: options.queueMax ?? 100,
  })
  const mailSeal = createSecretBox(newKeyEncryptionKey())
  const mails = createMails(PUBLIC_URL, mailSeal)
  const app = await buildApp({
    pool,
    db,
    keys,
    box,
    permits,
    log,
    registry,
    mails,
    isBreached: createBreachCheck(options.breachedPasswordsUrl ?? '', log, 60_000),
    obligationsOf: options.obligations ?? (async () => []),
    deletionDays: options.deletionDays ?? 7,
    successorKey: box.derive('refresh token successors'),
    issuer: ISSUER,
    publicUrl: PUBLIC_URL,
    internalSecret: INTERNAL_SECRET,
    throttleKey: box.derive('throttles'),
    throttles: { triesPerAccount: 10, triesPerAddress: 100, ...options.throttles },
    trustedProxies: [TEST_GATEWAY],
    emailVerification: options.emailVerification ?? 'optional',
    legacyAlias: options.legacyAlias ?? false,
  })
  t.teardown(async () => {
    keys.close()
    await app.close()
    if (pool !== database.pool || beside !== undefined) await pool.end()
  })
  const post = (path: string, payload: object) =>
    app.inject({ method: 'POST', url: `/identity/${path}`, payload })
  const { email, password } = PERSON
  return {
    app,
    config: database.config,
    createPool: database.createPool,
    pool,
    db: database.db,
    keys,
    box,
    permits,
    registry,
    mails,
    mailSeal,
    post,
    register: (change: object) => post('register', { ...PERSON, ...change }),
    login: (change: object) => post('login', { email, password, ...change }),
    refresh: (refreshToken: unknown) => post('token/refresh', { refreshToken }),
  }
}
