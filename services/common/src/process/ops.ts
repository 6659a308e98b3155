import { type FastifyInstance, fastify } from 'fastify'
import type { Registry } from 'prom-client'

export interface OpsOptions {
  registry: Registry
  /** Named readiness checks; each answers true when fine. A check that throws or hangs is a no. */
  checks: () => Record<string, () => boolean | Promise<boolean>>
  isStopping: () => boolean
}

const CHECK_TIMEOUT_MS = 1_500

/**
 * The listener for operators, apart from the public one: /metrics and /health/{live,ready,startup}.
 * Liveness touches nothing, so a database outage never kills a process that would recover.
 */
export function buildOps(options: OpsOptions): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true })
  app.get('/metrics', async (_request, reply) => {
    reply.type(options.registry.contentType)
    return options.registry.metrics()
  })
  app.get('/health/live', async () => ({ status: 'ok' }))
  const ready = async () => {
    const entries = await Promise.all(
      Object.entries(options.checks()).map(async ([name, check]) => [name, await answers(check)]),
    )
    const checks: Record<string, boolean> = Object.fromEntries(entries)
    const isReady = !options.isStopping() && Object.values(checks).every(Boolean)
    return { isReady, checks }
  }
  for (const path of ['/health/ready', '/health/startup']) {
    app.get(path, async (_request, reply) => {
      const { isReady, checks } = await ready()
      reply.code(isReady ? 200 : 503)
      return { status: isReady ? 'ok' : 'unavailable', checks }
    })
  }
  return app
}

async function answers(check: () => boolean | Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), CHECK_TIMEOUT_MS)
  })
  try {
    return await Promise.race([check(), timeout])
  } catch {
    return false
  } finally {
    clearTimeout(timer)
  }
}
