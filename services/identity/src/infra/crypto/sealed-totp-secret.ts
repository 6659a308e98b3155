import type { SecretBox } from '@auction/common/secret-box.ts'

export interface SealedTotpSecret {
  secretEncrypted: Buffer
  encryptionKeyId: string
}

/** The context ties a secret to its user: copied to another row it does not open. */
const contextOf = (userId: string) => `totp secret of ${userId}`

export function sealTotpSecret(box: SecretBox, userId: string, secret: string): SealedTotpSecret {
  return { secretEncrypted: box.seal(secret, contextOf(userId)), encryptionKeyId: box.keyId }
}

export function openTotpSecret(box: SecretBox, userId: string, sealed: SealedTotpSecret): string {
  if (!box.canOpen(sealed.encryptionKeyId)) {
    throw new Error(
      `the authenticator secret of ${userId} was encrypted with KEY_ENCRYPTION_KEY ${sealed.encryptionKeyId}, this process has ${box.keyId}`,
    )
  }
  return box.open(sealed.secretEncrypted, contextOf(userId))
}
