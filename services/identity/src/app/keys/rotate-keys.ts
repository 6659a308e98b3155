import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely, Transaction } from 'kysely'
import { isRotationDue, judgeKeys, type KeyState } from '#src/domain/key-schedule.ts'
import { generateSigningKey } from '#src/infra/crypto/signing-key.ts'
import { recordAudit } from '#src/infra/postgres/audit/audit.ts'
import {
  deleteWaitingKey,
  forgetRetiredKeys,
  insertNextSigningKey,
  insertSigningKey,
  lockSigningKeys,
  promoteWaitingKey,
  readKeyTimes,
  retireSigningKey,
  type SealedSigningKey,
  type SigningKeyTimes,
} from '#src/infra/postgres/keys/signing-keys.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface KeyDependencies {
  db: Kysely<Database>
  box: SecretBox
}

export type ListedKey = SigningKeyTimes & { state: KeyState }

/** Every key there ever was, newest first, with what it is at this moment. */
export async function listKeys(db: Kysely<Database>): Promise<ListedKey[]> {
  const { keys, now } = await readKeyTimes(db)
  return judgeKeys(keys, now)
}

/** A new key pair, its private part sealed. */
export function newSealedKey(box: SecretBox): SealedSigningKey {
  const { publicJwk, privatePem } = generateSigningKey()
  const { kid } = publicJwk
  return {
    kid,
    publicJwk,
    privateKeyEncrypted: box.seal(privatePem, kid),
    encryptionKeyId: box.keyId,
  }
}

/**
 * Publishes the next key, which signs ten minutes later; the others stay published until their
 * last token has expired. Undefined when one waits already.
 */
export async function rotateKeys({ db, box }: KeyDependencies): Promise<string | undefined> {
  return db.transaction().execute(async (tx) => {
    await lockSigningKeys(tx)
    const keys = await listKeys(tx)
    if (keys.some(({ state }) => state === 'waiting')) return undefined
    return addNextKey(tx, box, keys, 'command')
  })
}

export interface KeyUpkeep {
  /** The key that was made, when one was due. */
  added: string | undefined
  /** Retired keys whose private part was deleted. */
  forgotten: string[]
  signingSince: Date | undefined
}

/** What is due: the next key, and the end of private parts that are no longer needed. */
export async function keepKeys(
  { db, box }: KeyDependencies,
  rotationDays: number,
): Promise<KeyUpkeep> {
  return db.transaction().execute(async (tx) => {
    await lockSigningKeys(tx)
    const forgotten = await forgetRetiredKeys(tx)
    const { keys, now } = await readKeyTimes(tx)
    const judged = judgeKeys(keys, now)
    // The first key of all is made by the first API process, which needs it at once.
    const isDue = keys.length > 0 && isRotationDue(judged, now, rotationDays)
    const added = isDue ? await addNextKey(tx, box, judged, 'timer') : undefined
    const signingSince = judged.find(({ state }) => state === 'signing')?.activatesAt
    return { added, forgotten, signingSince }
  })
}

async function addNextKey(
  tx: Transaction<Database>,
  box: SecretBox,
  keys: readonly ListedKey[],
  by: 'command' | 'timer',
): Promise<string> {
  const foreign = keys.find((key) => key.state === 'signing' && !box.canOpen(key.encryptionKeyId))
  if (foreign !== undefined) {
    throw new Error(
      `signing key ${foreign.kid} was encrypted with KEY_ENCRYPTION_KEY ${foreign.encryptionKeyId}, this process has ${box.keyId}; no process could use a key made with it`,
    )
  }
  const key = newSealedKey(box)
  await insertNextSigningKey(tx, key)
  await record(tx, 'key.added', { kid: key.kid, by })
  return key.kid
}

export type Retirement =
  | { outcome: 'unknown' | 'retired_before' }
  | { outcome: 'retired'; signingKid: string | undefined }

/**
 * Ends a key at once, for when its private part may be known to others. A signing key is followed
 * by the one that waits, else by a new one, never by an older one.
 */
export async function retireKey({ db, box }: KeyDependencies, kid: string): Promise<Retirement> {
  return db.transaction().execute(async (tx) => {
    await lockSigningKeys(tx)
    const keys = await listKeys(tx)
    const key = keys.find((listed) => listed.kid === kid)
    if (key === undefined) return { outcome: 'unknown' }
    if (key.state === 'retired') return { outcome: 'retired_before' }
    const signing = keys.find(({ state }) => state === 'signing')?.kid
    if (key.state === 'waiting') await deleteWaitingKey(tx, kid, signing)
    else await retireSigningKey(tx, kid)
    const successor = key.state === 'signing' ? await succeed(tx, box, keys) : undefined
    await record(tx, 'key.retired', {
      kid,
      by: 'command',
      ...(successor === undefined ? {} : { successor }),
    })
    return { outcome: 'retired', signingKid: successor ?? signing }
  })
}

async function succeed(
  tx: Transaction<Database>,
  box: SecretBox,
  keys: readonly ListedKey[],
): Promise<string> {
  const waiting = keys.find(({ state }) => state === 'waiting')
  if (waiting !== undefined) {
    await promoteWaitingKey(tx, waiting.kid)
    return waiting.kid
  }
  const key = newSealedKey(box)
  await insertSigningKey(tx, key)
  return key.kid
}

async function record(
  tx: Transaction<Database>,
  action: string,
  details: Record<string, string>,
): Promise<void> {
  await recordAudit(tx, { action, actorId: null, subjectId: null, details })
}
