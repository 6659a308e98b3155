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
  /** `stopping` is aborted when the process stops: a run that could take long ends early then. */
  run(stopping?: AbortSignal): Promise<unknown>
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
  work: (stopping: AbortSignal) => Promise<unknown>,
): Repeated {
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let isFailing = false

  const run = async () => {
    try {
      await work(stopping.signal)
      if (isFailing) log.info({ task: name }, 'task works again')
      isFailing = false
    } catch (error) {
      if (!isFailing) {
        const level = isUnavailable(error) ? 'warn' : 'error'
        log[level]({ err: error, task: name }, 'task failed')
      }
      isFailing = true
    }
    if (!stopping.signal.aborted) timer = setTimeout(start, intervalMs)
  }
  const start = () => {
    running = run()
  }
  start()
  return {
    async stop() {
      stopping.abort()
      clearTimeout(timer)
      await running
    },
  }
}
