import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

/** A process of a service; charts/services.yaml explains each key. */
export interface Workload {
  readonly entry: string
  readonly port?: number
  readonly grpcPort?: number
  readonly public?: boolean
  readonly calls?: readonly string[]
  readonly outside?: boolean
  readonly settings: readonly string[]
  readonly queues?: string
  readonly node?: readonly string[]
}

/** An entry of charts/services.yaml. */
export interface Service {
  readonly name: string
  readonly description: string
  readonly database: boolean
  readonly publishes: readonly string[]
  readonly docs?: string
  readonly obligations: boolean
  readonly workloads: Readonly<Record<string, Workload>>
  readonly jobs: Readonly<Record<string, Pick<Workload, 'entry' | 'settings'>>>
}

/** A process as it runs on this machine and as a Deployment in the cluster. */
export interface Process {
  /** On this machine: bid-api, or web for the process `server`. */
  readonly name: string
  readonly service: string
  readonly workload: string
  readonly entry: string
  readonly port: number | undefined
  readonly isPublic: boolean
  readonly calls: readonly string[]
  readonly isOutside: boolean
  readonly settings: readonly string[]
  readonly node: readonly string[]
}

export const SERVICES_FILE = fileURLToPath(new URL('../../charts/services.yaml', import.meta.url))

/** Every service of the platform, in the order of the list. */
export const SERVICES: readonly Service[] = (
  parse(readFileSync(SERVICES_FILE, 'utf8')) as { services: Service[] }
).services

export const SERVICE_NAMES = SERVICES.map(({ name }) => name)

/** The services that own a database; it has the name of its service. */
export const DATABASES = SERVICES.filter(({ database }) => database).map(({ name }) => name)

/** Every process of every service. */
export const PROCESSES: readonly Process[] = SERVICES.flatMap(({ name: service, workloads }) =>
  Object.entries(workloads).map(([workload, { public: isPublic = false, ...its }]) => ({
    name: workload === 'server' ? service : `${service}-${workload}`,
    service,
    workload,
    entry: its.entry,
    port: its.port,
    isPublic,
    calls: its.calls ?? [],
    isOutside: its.outside ?? false,
    settings: its.settings,
    node: its.node ?? [],
  })),
)

/** The processes that the gateway calls, one of each public service. */
export const UPSTREAMS = PROCESSES.filter(({ isPublic }) => isPublic)

/** The paths below which the APIs serve their OpenAPI document, by service. */
export const DOCS: ReadonlyMap<string, string> = new Map(
  SERVICES.flatMap(({ name, docs }) => (docs === undefined ? [] : [[name, docs] as const])),
)
