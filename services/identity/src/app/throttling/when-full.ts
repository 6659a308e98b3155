import { PermitsFullError } from '@auction/common/process/permits.ts'
import { identityErrors } from '#src/errors.ts'

/** Turns "no place left to hash" into the answer that says so; anything else passes. */
export async function refuseWhenFull<T>(hashing: Promise<T>): Promise<T> {
  try {
    return await hashing
  } catch (error) {
    if (error instanceof PermitsFullError) throw identityErrors.tooBusy()
    throw error
  }
}
