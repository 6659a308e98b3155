import { createHash } from 'node:crypto'
import type { Logger } from '@auction/common/process/logger.ts'

const TIMEOUT_MS = 1_500
const PREFIX_LENGTH = 5

/** Whether a password was in a breach; false also when that cannot be found out. */
export type BreachCheck = (password: string) => Promise<boolean>

/**
 * Asks a service that speaks the range protocol of Have I Been Pwned: it learns the first five
 * digits of a SHA-1 and answers some hundred endings, so it never learns the password. When it
 * cannot be asked within `timeoutMs` the password passes: registering must not depend on a foreign server.
 */
export function createBreachCheck(url: string, log: Logger, timeoutMs = TIMEOUT_MS): BreachCheck {
  if (url === '') return async () => false
  return async (password) => {
    const digest = createHash('sha1').update(password).digest('hex').toUpperCase()
    try {
      const response = await fetch(new URL(`range/${digest.slice(0, PREFIX_LENGTH)}`, url), {
        headers: { 'add-padding': 'true' },
        signal: AbortSignal.timeout(timeoutMs),
        redirect: 'error',
      })
      if (!response.ok) throw new Error(`the breach service answered ${response.status}`)
      const ending = `${digest.slice(PREFIX_LENGTH)}:`
      const line = (await response.text()).split(/\r?\n/).find((text) => text.startsWith(ending))
      // Padding lines have a count of nought.
      return line !== undefined && line.slice(ending.length).trim() !== '0'
    } catch (error) {
      log.warn({ err: error }, 'breached passwords could not be asked for')
      return false
    }
  }
}
