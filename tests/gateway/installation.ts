import { readFileSync } from 'node:fs'

/** The installation under attack. */
export interface Installation {
  readonly url: string
  readonly ca?: string
  /** Whether the gateway's own errors have the error body. An installation without the plugin has them plain. */
  readonly hasErrorBodies?: boolean
  /** Addresses past the gateway, by service. */
  readonly direct: ReadonlyMap<string, string>
}

/**
 * Reads GATEWAY_URL, GATEWAY_CA (a PEM file), SERVICE_URLS (`bid=http://…,auction=http://…`) and
 * GATEWAY_ERROR_BODIES (`false` without the plugin).
 */
export function readInstallation(env: NodeJS.ProcessEnv): Installation | undefined {
  const { GATEWAY_URL, GATEWAY_CA, SERVICE_URLS = '' } = env
  if (GATEWAY_URL === undefined || GATEWAY_URL === '') return undefined
  return {
    url: GATEWAY_URL,
    ...(GATEWAY_CA === undefined ? {} : { ca: readFileSync(GATEWAY_CA, 'utf8') }),
    hasErrorBodies: env.GATEWAY_ERROR_BODIES !== 'false',
    direct: readDirect(SERVICE_URLS.split(',').filter(Boolean)),
  }
}

/** Reads `service=url` pairs. */
export function readDirect(pairs: readonly string[]): Map<string, string> {
  return new Map(
    pairs.map((pair): [string, string] => {
      const [, service, url] = /^([a-z]+)=(https?:\/\/.+)$/.exec(pair.trim()) ?? []
      if (service === undefined || url === undefined) {
        throw new Error(`${pair} is not service=url`)
      }
      return [service, url]
    }),
  )
}
