import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { JwksCache } from '@auction/common/http/jwks.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely } from 'kysely'
import { KEYS_STALE_SECONDS } from '#src/domain/key-schedule.ts'
import { type PublicJwk, publicPem } from '#src/infra/crypto/signing-key.ts'
import {
  insertSigningKey,
  lockSigningKeys,
  readSigningKeys,
  type StoredSigningKey,
} from '#src/infra/postgres/keys/signing-keys.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { newSealedKey } from './rotate-keys.ts'

const RELOAD_INTERVAL_MS = 30_000
const UNKNOWN_KID_INTERVAL_MS = 10_000

export interface SigningKey {
  kid: string
  privatePem: string
}

/** identity's own keys. It is also the cache that the auth plugin verifies with. */
export interface KeyStore extends JwksCache {
  /** The newest active key. Throws service.unavailable when the table was not read for long. */
  signingKey(): SigningKey
  /** Every key that is not retired, also those that will sign later. */
  publicKeys(): readonly PublicJwk[]
  /** Reads the table again; a failure leaves the known keys in use. */
  reload(): Promise<void>
  close(): void
}

export interface KeyStoreOptions {
  db: Kysely<Database>
  box: SecretBox
  log: Logger
  /** When keys that could not be read again are too old to sign with. */
  staleAfterMs?: number
}

interface LoadedKeys {
  signing: SigningKey
  publicPems: Map<string, string>
  publicJwks: PublicJwk[]
}

/** Loads the keys, making the first one if there is none, and keeps them fresh. */
export async function createKeyStore({
  db,
  box,
  log,
  staleAfterMs = KEYS_STALE_SECONDS * 1000,
}: KeyStoreOptions): Promise<KeyStore> {
  let keys = await ensureKeys(db, box)
  let triedAtMs = performance.now()
  let readAtMs = triedAtMs
  const isFailing = () => readAtMs < triedAtMs
  const reload = async () => {
    const startedAtMs = performance.now()
    triedAtMs = startedAtMs
    try {
      keys = openKeys(await readSigningKeys(db), box)
      readAtMs = startedAtMs
    } catch (error) {
      log.warn({ err: error }, 'signing keys could not be read again')
    }
  }
  const timer = setInterval(() => void reload(), RELOAD_INTERVAL_MS)
  timer.unref()
  return {
    signingKey() {
      // Rotation relies on it: a key is retired when no process can have signed with it for a while.
      if (performance.now() - readAtMs > staleAfterMs) throw serviceUnavailable()
      return keys.signing
    },
    publicKeys: () => keys.publicJwks,
    reload,
    close: () => clearInterval(timer),
    async publicKey(kid) {
      if (kid === undefined) throw new Error('the token names no key')
      // Another replica may have made the key a moment ago; forged ids must not become a load.
      const mayReload = performance.now() - triedAtMs > UNKNOWN_KID_INTERVAL_MS
      if (!keys.publicPems.has(kid) && mayReload) await reload()
      const pem = keys.publicPems.get(kid)
      if (pem !== undefined) return pem
      if (isFailing()) throw serviceUnavailable()
      throw new Error('unknown signing key')
    },
  }
}

async function ensureKeys(db: Kysely<Database>, box: SecretBox): Promise<LoadedKeys> {
  const stored = await readSigningKeys(db)
  if (stored.some((key) => key.isActive)) return openKeys(stored, box)
  return db.transaction().execute(async (tx) => {
    await lockSigningKeys(tx)
    const underLock = await readSigningKeys(tx)
    if (underLock.some((key) => key.isActive)) return openKeys(underLock, box)
    await insertSigningKey(tx, newSealedKey(box))
    return openKeys(await readSigningKeys(tx), box)
  })
}

function openKeys(stored: readonly StoredSigningKey[], box: SecretBox): LoadedKeys {
  const newest = stored.find((key) => key.isActive)
  if (newest === undefined) throw new Error('there is no active signing key')
  if (!box.canOpen(newest.encryptionKeyId)) {
    throw new Error(
      `signing key ${newest.kid} was encrypted with KEY_ENCRYPTION_KEY ${newest.encryptionKeyId}, this process has ${box.keyId}`,
    )
  }
  return {
    signing: { kid: newest.kid, privatePem: box.open(newest.privateKeyEncrypted, newest.kid) },
    publicPems: new Map(stored.map((key) => [key.kid, publicPem(key.publicJwk)])),
    publicJwks: stored.map((key) => key.publicJwk),
  }
}
