import type { Registry } from 'prom-client'
import type { App } from '../http/server.ts'
import { createRegistry } from '../telemetry/metrics.ts'
import { createLogger, type Logger } from './logger.ts'
import { buildOps } from './ops.ts'
import { type Lifecycle, runProcess } from './shutdown.ts'

export interface ProcessConfig {
  HOST: string
  PORT: number
  OPS_PORT: number
  LOG_LEVEL: string
  SHUTDOWN_DRAIN_MS: number
}

export interface ProcessContext {
  log: Logger
  registry: Registry
  lifecycle: Lifecycle
}

export interface ProcessParts {
  /** The public listener; a worker has none. */
  app?: App
  /** Readiness checks by name. */
  checks: Record<string, () => boolean | Promise<boolean>>
}

/**
 * Runs one process: logger, registry, operators' listener, public listener, orderly stop. The
 * operators' listener opens first and closes last, so probes and metrics cover start and stop.
 */
export async function runService(
  service: string,
  config: ProcessConfig,
  start: (context: ProcessContext) => Promise<ProcessParts>,
): Promise<void> {
  const log = createLogger(service, config.LOG_LEVEL)
  const registry = createRegistry(service)
  await runProcess(log, config.SHUTDOWN_DRAIN_MS, async (lifecycle) => {
    let parts: ProcessParts | undefined
    const ops = buildOps({
      registry,
      checks: () => ({ started: () => parts !== undefined, ...parts?.checks }),
      isStopping: lifecycle.isStopping,
    })
    await ops.listen({ host: config.HOST, port: config.OPS_PORT })
    lifecycle.onStop('ops', () => ops.close())
    const started = await start({ log, registry, lifecycle })
    if (started.app !== undefined) {
      const { app } = started
      lifecycle.onStop('http', () => app.close())
      await app.listen({ host: config.HOST, port: config.PORT })
    }
    parts = started
  })
}
