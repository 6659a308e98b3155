import { readFileSync } from 'node:fs'

/** The installation under attack. */
export interface Installation {
  readonly url: string
  readonly ca?: string
  /** Addresses past the gateway, by service. */
  readonly direct: ReadonlyMap<string, string>
}

/** Reads GATEWAY_URL, GATEWAY_CA (a PEM file) and SERVICE_URLS (`bid=http://…,auction=http://…`). */
export function readInstallation(env: NodeJS.ProcessEnv): Installation | undefined {
  const { GATEWAY_URL, GATEWAY_CA, SERVICE_URLS = '' } = env
  if (GATEWAY_URL === undefined || GATEWAY_URL === '') return undefined
  return {
    url: GATEWAY_URL,
    ...(GATEWAY_CA === undefined ? {} : { ca: readFileSync(GATEWAY_CA, 'utf8') }),
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
