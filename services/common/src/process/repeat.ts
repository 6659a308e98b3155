import { isUnavailable } from '../http/errors.ts'
import type { Logger } from './logger.ts'

export interface Repeated {
  /** Waits for the run in progress and starts no other. */
  stop(): Promise<void>
}

/** Work that a process repeats for as long as it runs. */
export interface Timer {
  name: string
  intervalMs: number
  run(): Promise<unknown>
}

/** Starts every timer; one `stop` waits for all of them. */
export function repeatAll(timers: readonly Timer[], log: Logger): Repeated {
  const repeated = timers.map(({ name, intervalMs, run }) => repeat(name, intervalMs, log, run))
  return {
    async stop() {
      await Promise.all(repeated.map((timer) => timer.stop()))
    },
  }
}

/**
 * Runs `work` again and again, `intervalMs` after the previous run ended. A failure is logged and
 * the next run comes as usual, so a lost database only delays the work.
 */
export function repeat(
  name: string,
  intervalMs: number,
  log: Logger,
  work: () => Promise<unknown>,
): Repeated {
  let isStopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let isFailing = false

  const run = async () => {
    try {
      await work()
      if (isFailing) log.info({ task: name }, 'task works again')
      isFailing = false
    } catch (error) {
      if (!isFailing) {
        const level = isUnavailable(error) ? 'warn' : 'error'
        log[level]({ err: error, task: name }, 'task failed')
      }
      isFailing = true
    }
    if (!isStopped) timer = setTimeout(start, intervalMs)
  }
  const start = () => {
    running = run()
  }
  start()
  return {
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await running
    },
  }
}
