import type { Permits } from '@auction/common/process/permits.ts'
import { hash, parseOptions, verify } from '@node-rs/argon2'

/** OWASP's parameters for argon2id: 19 MiB, two passes, one lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 }

export interface PasswordHasher {
  hash(password: string): Promise<string>
  verify(passwordHash: string, password: string): Promise<boolean>
  /** Does the work of verify() for an account that does not exist; always answers false. */
  verifyNobody(password: string): Promise<false>
  needsRehash(passwordHash: string): boolean
}

/** argon2id, never more at once than there are permits: each hash takes 19 MiB and a core. */
export async function createPasswordHasher(permits: Permits): Promise<PasswordHasher> {
  const unknownHash = await hash('no user has this password', PARAMETERS)
  return {
    hash: (password) => permits.run(() => hash(password, PARAMETERS)),
    verify: (passwordHash, password) => permits.run(() => verify(passwordHash, password)),
    async verifyNobody(password) {
      await permits.run(() => verify(unknownHash, password))
      return false
    },
    needsRehash(passwordHash) {
      const { memoryCost, timeCost, parallelism } = parseOptions(passwordHash)
      return (
        memoryCost !== PARAMETERS.memoryCost ||
        timeCost !== PARAMETERS.timeCost ||
        parallelism !== PARAMETERS.parallelism
      )
    },
  }
}
