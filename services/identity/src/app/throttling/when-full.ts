import { identityErrors } from '#src/errors.ts'
import { PermitsFullError } from '#src/infra/permits.ts'

/** Turns "no place left to hash" into the answer that says so; anything else passes. */
export async function refuseWhenFull<T>(hashing: Promise<T>): Promise<T> {
  try {
    return await hashing
  } catch (error) {
    if (error instanceof PermitsFullError) throw identityErrors.tooBusy()
    throw error
  }
}
