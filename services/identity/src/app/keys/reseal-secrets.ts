import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely } from 'kysely'
import { openTotpSecret, sealTotpSecret } from '#src/infra/crypto/sealed-totp-secret.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import {
  lockSigningKeys,
  readKeysSealedOtherwise,
  resealSigningKey,
} from '#src/infra/postgres/keys/signing-keys.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  lockSecretsSealedOtherwise,
  resealTotpSecret,
} from '#src/infra/postgres/two-factor/totp-secrets.ts'

const BATCH = 200

export interface Resealed {
  signingKeys: number
  totpSecrets: number
}

/**
 * Seals everything at rest with the box's first key that is sealed with its other one. It may be
 * stopped and run again, and runs while everything is in use.
 */
export async function resealSecrets(
  db: Kysely<Database>,
  box: SecretBox,
  batch = BATCH,
): Promise<Resealed> {
  const signingKeys = await resealKeys(db, box)
  let totpSecrets = 0
  for (;;) {
    const count = await resealSomeTotpSecrets(db, box, batch)
    totpSecrets += count
    if (count < batch) break
  }
  if (signingKeys + totpSecrets > 0) {
    const details = { keyId: box.keyId, count: String(signingKeys + totpSecrets) }
    const entry = { action: 'secrets.resealed', actorId: null, subjectId: null, details }
    await db.transaction().execute((tx) => recordAudit(tx, entry))
  }
  return { signingKeys, totpSecrets }
}

function resealKeys(db: Kysely<Database>, box: SecretBox): Promise<number> {
  return db.transaction().execute(async (tx) => {
    await lockSigningKeys(tx)
    const keys = await readKeysSealedOtherwise(tx, box.keyId)
    for (const { kid, privateKeyEncrypted } of keys) {
      const resealed = box.seal(box.open(privateKeyEncrypted, kid), kid)
      await resealSigningKey(tx, { kid, privateKeyEncrypted: resealed }, box.keyId)
    }
    return keys.length
  })
}

function resealSomeTotpSecrets(
  db: Kysely<Database>,
  box: SecretBox,
  batch: number,
): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const secrets = await lockSecretsSealedOtherwise(tx, box.keyId, batch)
    for (const { userId, ...sealed } of secrets) {
      const secret = openTotpSecret(box, userId, sealed)
      await resealTotpSecret(tx, userId, sealTotpSecret(box, userId, secret))
    }
    return secrets.length
  })
}
