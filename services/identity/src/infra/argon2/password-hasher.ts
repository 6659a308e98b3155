import { hash, parseOptions, verify } from '@node-rs/argon2'

/** OWASP's parameters for argon2id: 19 MiB, two passes, one lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 }

/** Every place in the queue is taken: the caller is refused at once instead of waiting. */
export class HasherFullError extends Error {
  override readonly name = 'HasherFullError'
}

export interface PasswordHasher {
  hash(password: string): Promise<string>
  verify(passwordHash: string, password: string): Promise<boolean>
  /** Does the work of verify() for an account that does not exist; always answers false. */
  verifyNobody(password: string): Promise<false>
  needsRehash(passwordHash: string): boolean
  readonly active: number
  readonly waiting: number
}

/**
 * argon2id behind a semaphore: at most `concurrency` hashes run and `queueMax` wait. A permit is
 * given back when the hash is done, not when its client is gone, so hanging up after every request
 * cannot make the process run more hashes than it has memory for.
 */
export async function createPasswordHasher(options: {
  concurrency: number
  queueMax: number
}): Promise<PasswordHasher> {
  const waiting: (() => void)[] = []
  let active = 0
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    if (active >= options.concurrency) {
      if (waiting.length >= options.queueMax)
        throw new HasherFullError('too many passwords to hash')
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else {
      active += 1
    }
    try {
      return await work()
    } finally {
      // The permit goes straight to the next in line, so nobody can slip in between.
      const next = waiting.shift()
      if (next === undefined) active -= 1
      else next()
    }
  }
  const nobody = await hash('nobody has this password', PARAMETERS)
  return {
    hash: (password) => run(() => hash(password, PARAMETERS)),
    verify: (passwordHash, password) => run(() => verify(passwordHash, password)),
    async verifyNobody(password) {
      await run(() => verify(nobody, password))
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
    get active() {
      return active
    },
    get waiting() {
      return waiting.length
    },
  }
}
