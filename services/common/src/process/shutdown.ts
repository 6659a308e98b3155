import { stopTelemetry } from '../telemetry/register.ts'
import type { Logger } from './logger.ts'

const STOP_TIMEOUT_MS = 25_000

export interface Lifecycle {
  /** Registers a step of an orderly stop. Steps run in reverse order of registration. */
  onStop(name: string, step: () => unknown | Promise<unknown>): void
  /** True from the moment a stop was asked for: readiness answers 503 from then on. */
  isStopping(): boolean
}

/**
 * Runs one process from start to stop. SIGTERM and SIGINT: readiness turns 503, `drainMs` pass in
 * which requests are still served, then every registered step runs, 25 seconds in all at most.
 * A start that fails, or an uncaught error, ends the process with code 1.
 */
export async function runProcess(
  log: Logger,
  drainMs: number,
  start: (lifecycle: Lifecycle) => Promise<void>,
): Promise<void> {
  const steps: { name: string; step: () => unknown | Promise<unknown> }[] = []
  let stopping = false

  const stop = async (signal: string) => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'stopping')
    const timer = setTimeout(() => {
      log.error({ timeoutMs: STOP_TIMEOUT_MS }, 'stop took too long')
      process.exit(1)
    }, STOP_TIMEOUT_MS + drainMs)
    timer.unref()
    if (drainMs > 0) await new Promise((resolve) => setTimeout(resolve, drainMs))
    for (const { name, step } of steps.reverse()) {
      try {
        await step()
      } catch (error) {
        log.warn({ err: error, step: name }, 'stop step failed')
      }
    }
    await stopTelemetry().catch(() => undefined)
    log.info('stopped')
    process.exit(0)
  }

  process.on('SIGTERM', (signal) => void stop(signal))
  process.on('SIGINT', (signal) => void stop(signal))
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'unhandled rejection')
    process.exit(1)
  })
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception')
    process.exit(1)
  })

  try {
    await start({
      onStop: (name, step) => steps.push({ name, step }),
      isStopping: () => stopping,
    })
    log.info('started')
  } catch (error) {
    log.fatal({ err: error }, 'start failed')
    process.exit(1)
  }
}
