import { setTimeout as wait } from 'node:timers/promises'
import { isUnavailable } from '@auction/common/http/errors.ts'
import type { Logger } from '@auction/common/process/logger.ts'

const PAUSE_MS = 1_000

/**
 * Records how a mail ended, also when the database is away at that moment: a mail of which it is known that it was
 * sent would else be sent again. `record` must be right when it runs twice. A process that stops gives up.
 */
export async function recordOutcome(
  record: () => Promise<void>,
  { log, stopping }: { log: Logger; stopping?: AbortSignal | undefined },
): Promise<void> {
  for (;;) {
    try {
      return await record()
    } catch (err) {
      if (!isUnavailable(err) || stopping?.aborted === true) throw err
      log.warn({ err }, 'the outcome of a mail waits for the database')
      const options = stopping === undefined ? {} : { signal: stopping }
      await wait(PAUSE_MS, undefined, options).catch(() => undefined)
    }
  }
}
