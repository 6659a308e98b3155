import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'

/** A registry of its own per process (and per test), with Node's own metrics and the service label. */
export function createRegistry(service: string): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  return registry
}

/** Bounds of the histograms of requests, whatever they came by. */
export const REQUEST_SECONDS = [
  0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
] as const

export type RequestObserver = (route: string, statusCode: number, seconds: number) => void

/** Request duration by route and status; label children are resolved once, not per request. */
export function createRequestObserver(registry: Registry): RequestObserver {
  const histogram = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of HTTP requests by route and status code.',
    labelNames: ['route', 'status'],
    buckets: [...REQUEST_SECONDS],
    registers: [registry],
  })
  const children = new Map<string, Map<number, { observe(value: number): void }>>()
  return (route, statusCode, seconds) => {
    let byStatus = children.get(route)
    if (byStatus === undefined) {
      byStatus = new Map()
      children.set(route, byStatus)
    }
    let child = byStatus.get(statusCode)
    if (child === undefined) {
      child = histogram.labels({ route, status: String(statusCode) })
      byStatus.set(statusCode, child)
    }
    child.observe(seconds)
  }
}
