import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  lockSealedByOthers,
  type SealedSecret,
  type SealedSecrets,
  storeSealed,
} from '#src/infra/postgres/webhooks/endpoints.ts'

const BATCH = 100

/** Seals a secret for its endpoint; it opens for no other. */
export function sealSecret(box: SecretBox, endpointId: string, secret: string): SealedSecret {
  return { sealed: box.seal(secret, contextOf(endpointId)), keyId: box.keyId }
}

/** The secrets that sign for an endpoint: its own, and the one before while that still counts. */
export function openSecrets(
  box: SecretBox,
  { id, sealedSecret, sealedPreviousSecret }: SealedSecrets,
): string[] {
  return [sealedSecret, ...(sealedPreviousSecret === null ? [] : [sealedPreviousSecret])].map(
    (sealed) => box.open(sealed, contextOf(id)),
  )
}

/** Seals again what a former key sealed, until that key is not needed any more; returns how many. */
export async function resealSecrets(db: Kysely<Database>, box: SecretBox): Promise<number> {
  let total = 0
  for (;;) {
    const count = await db.transaction().execute(async (tx) => {
      const endpoints = await lockSealedByOthers(tx, box.keyId, BATCH)
      for (const endpoint of endpoints) await storeSealed(tx, reseal(box, endpoint), box.keyId)
      return endpoints.length
    })
    total += count
    if (count < BATCH) return total
  }
}

function reseal(box: SecretBox, endpoint: SealedSecrets): SealedSecrets {
  const [secret = '', previous] = openSecrets(box, endpoint)
  const context = contextOf(endpoint.id)
  return {
    id: endpoint.id,
    sealedSecret: box.seal(secret, context),
    sealedPreviousSecret: previous === undefined ? null : box.seal(previous, context),
  }
}

const contextOf = (endpointId: string) => `webhook endpoint ${endpointId}`
