import { availableParallelism } from 'node:os'
import type { App } from '@auction/common/http/server.ts'
import { readTrustedProxies } from '@auction/common/http/trusted-proxies.ts'
import { createPermits } from '@auction/common/process/permits.ts'
import type { DatabaseContext } from '@auction/common/process/run-api.ts'
import { createSecretBox } from '@auction/common/secret-box.ts'
import { createKeyStore } from '#src/app/keys/key-store.ts'
import { createObligationCheck } from '#src/app/leaving/obligations.ts'
import { createMails } from '#src/app/mails/mails.ts'
import type { ApiConfig } from '#src/config.ts'
import { createBreachCheck } from '#src/infra/passwords/breached-passwords.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { buildApp } from './app.ts'

/** Puts the identity API together from its settings. */
export async function buildApi(
  config: ApiConfig,
  { pool, db, log, registry, lifecycle }: DatabaseContext<Database>,
): Promise<App> {
  const box = createSecretBox(config.KEY_ENCRYPTION_KEY, config.KEY_ENCRYPTION_KEY_OTHER)
  const keys = await createKeyStore({ db, box, log })
  lifecycle.onStop('keys', () => keys.close())
  const permits = createPermits({
    concurrency: config.PASSWORD_HASH_CONCURRENCY || availableParallelism(),
    queueMax: config.PASSWORD_HASH_QUEUE_MAX,
  })
  return buildApp({
    pool,
    db,
    keys,
    box,
    permits,
    log,
    registry,
    mails: createMails(config.PUBLIC_URL, createSecretBox(config.MAIL_SEAL_KEY)),
    isBreached: createBreachCheck(config.BREACHED_PASSWORDS_URL, log),
    obligationsOf: createObligationCheck(config),
    deletionDays: config.DELETION_DAYS,
    successorKey: box.derive('refresh token successors'),
    issuer: config.JWT_ISSUER,
    publicUrl: config.PUBLIC_URL,
    internalSecret: config.INTERNAL_JWT_SECRET,
    throttleKey: box.derive('throttles'),
    throttles: {
      triesPerAccount: config.TRIES_PER_ACCOUNT,
      triesPerAddress: config.TRIES_PER_ADDRESS,
    },
    trustedProxies: readTrustedProxies(config.TRUSTED_PROXIES),
    emailVerification: config.EMAIL_VERIFICATION,
    legacyAlias: config.LEGACY_PASCAL_ALIAS,
  })
}
