import { existsSync, globSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DATABASES, SERVICE_NAMES, type Service } from '@auction/local/service-list.ts'
import { parse } from 'yaml'
import type { ClientOptions } from '#src/api-client.ts'
import { gatewayValues } from './certificate.ts'
import { type Cluster, type Forwarded, run } from './commands.ts'
import type { Settings } from './settings.ts'

export const DATA = 'auction-data'
export const PLATFORM = 'auction'
const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
/** What is kept of a run, and between two of them. */
export const RESULTS = `${ROOT}.local/cluster`
/** The folder of our charts. */
export const CHARTS = `${ROOT}charts`

/** Builds and loads one image a service; answers the tag. */
export async function makeImages({ build, load }: Settings, version: string): Promise<string> {
  const revision = (await run('git', ['-C', ROOT, 'rev-parse', '--short', 'HEAD'])).trim()
  const tag = `${version}-${revision}`
  for (const service of SERVICE_NAMES) {
    for (const command of [build, load]) await shell(command, service, tag)
  }
  return tag
}

async function shell(command: string, service: string, tag: string): Promise<void> {
  if (command === '') return
  const image = `docker.io/auction/${service}:${tag}`
  const filled = command
    .replaceAll('{service}', service)
    .replaceAll('{tag}', tag)
    .replaceAll('{image}', image)
  await run('sh', ['-c', `cd '${ROOT}' && ${filled}`])
}

/** On namespaces that a test made and may therefore delete, with everything in them. */
const OURS = 'auction-platform/cluster-test'

/** An empty namespace; one of the same name that an earlier test left goes first. */
export async function makeNamespace(cluster: Cluster): Promise<void> {
  const { namespace, apply } = cluster
  await deleteNamespace(cluster)
  const standard = 'pod-security.kubernetes.io'
  await apply(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: namespace,
        labels: { [`${standard}/enforce`]: 'restricted', [OURS]: 'true' },
      },
    }),
  )
}

/** Throws when the namespace is there and was not made by this test. */
export async function deleteNamespace({ namespace, kubectl }: Cluster): Promise<void> {
  const found = await kubectl('get', 'namespace', namespace, '--ignore-not-found', '--output=json')
  if (found.trim() === '') return
  const { metadata } = JSON.parse(found) as { metadata: { labels?: Record<string, string> } }
  if (metadata.labels?.[OURS] !== 'true')
    throw new Error(`namespace ${namespace} was not made by this test, so it is not deleted`)
  await kubectl('delete', 'namespace', namespace, '--wait')
}

/** Where the platform is installed, from which images, and how clients reach it. */
export interface Target {
  cluster: Cluster
  tag: string
  /** The folder of the charts; ours when absent. */
  charts?: string
  gateway: ClientOptions
}

export async function installData({ helm }: Cluster, charts = CHARTS): Promise<void> {
  const chart = `${charts}/auction-data`
  const values = `${chart}/values-local.yaml`
  const wait = ['--wait', '--timeout=5m']
  await helm('upgrade', '--install', DATA, chart, '--values', values, ...wait)
}

/** Installs or upgrades; `extra` are arguments such as `--set=…`. */
export async function installPlatform(
  { cluster: { helm }, gateway, tag, charts = CHARTS }: Target,
  extra: readonly string[] = [],
): Promise<void> {
  const chart = `${charts}/auction-platform`
  await helm(
    ...['upgrade', '--install', PLATFORM, chart, '--values', `${chart}/values-local.yaml`],
    ...[`--set=global.image.tag=${tag}`, ...gatewayValues(gateway.baseUrl), ...extra],
    // Without it the routes of an upgrade that failed would stay beside those of the next.
    ...['--wait', '--timeout=5m', '--cleanup-on-fail'],
    ...(await forceOf(helm)),
  )
}

/** Helm 4 refuses to change what others wrote, such as the replicas of `kubectl scale`. Helm 3 has no such option. */
async function forceOf(helm: Cluster['helm']): Promise<string[]> {
  const version = await helm('version', '--template={{.Version}}')
  return Number(/^v(\d+)/.exec(version.trim())?.[1]) >= 4 ? ['--force-conflicts'] : []
}

/** The services that a folder of charts installs. In early versions each chart had a file about its own. */
export function servicesOf(charts: string): Pick<Service, 'name' | 'workloads'>[] {
  const read = (path: string): unknown => parse(readFileSync(path, 'utf8'))
  const all = `${charts}/services.yaml`
  if (existsSync(all)) return (read(all) as { services: Service[] }).services
  return globSync(`${charts}/*/service.yaml`).map((path) => read(path) as Service)
}

/**
 * Two of everything that serves requests, as evictions and upgrades without a gap need it. Charts of another version
 * refuse values of services that they do not have.
 */
export function twoOfEach(charts = CHARTS): string[] {
  return servicesOf(charts).flatMap(({ name, workloads }) =>
    Object.entries(workloads)
      .filter(([, { port }]) => port !== undefined)
      .map(([workload]) => `--set=${name}.workloads.${workload}.replicas=2`),
  )
}

export interface Ways {
  databaseUrl(service: string): string
  managementUrl: string
  close(): void
}

/** Ways into the databases and the broker for the comparisons; the policies allow no other. */
export async function openWays(cluster: Cluster): Promise<Ways> {
  const open: Forwarded[] = []
  const urls = new Map<string, string>()
  for (const service of DATABASES) {
    const name = `${DATA}-postgres-${service}`
    const way = await cluster.forward(`service/${name}`, 5432)
    open.push(way)
    const password = await cluster.secret(name, 'password')
    urls.set(service, `postgres://${service}:${password}@127.0.0.1:${way.port}/${service}`)
  }
  const management = await cluster.forward(`service/${DATA}-rabbitmq`, 15672)
  open.push(management)
  const password = await cluster.secret(`${DATA}-rabbitmq-admin`, 'password')
  return {
    databaseUrl(service) {
      const url = urls.get(service)
      if (url === undefined) throw new Error(`${service} owns no database`)
      return url
    },
    managementUrl: `http://admin:${password}@127.0.0.1:${management.port}`,
    close() {
      for (const way of open) way.close()
    },
  }
}

export interface Pod {
  metadata: {
    name: string
    uid: string
    labels: Record<string, string>
    deletionTimestamp?: string
  }
  status: {
    conditions?: { type: string; status: string }[]
    containerStatuses?: { restartCount: number }[]
  }
}

export async function podsOf({ get }: Cluster, selector: string): Promise<Pod[]> {
  const { items } = await get<{ items: Pod[] }>('pods', '--selector', selector)
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
}

export const isReady = ({ status }: Pod) =>
  status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false

/** Waits until so many pods are ready and none of them is one of those that were there before. */
export async function untilReplaced(
  cluster: Cluster,
  selector: string,
  before: ReadonlySet<string>,
  count: number,
): Promise<void> {
  const deadlineMs = performance.now() + 180_000
  for (;;) {
    const pods = await podsOf(cluster, selector)
    const isDone = pods.length >= count && pods.every(isReady)
    if (isDone && pods.every(({ metadata }) => !before.has(metadata.uid))) return
    if (performance.now() > deadlineMs) throw new Error(`${selector}: no new pod became ready`)
    await wait(500)
  }
}
