import { fileURLToPath } from 'node:url'
import type { KubeObject } from '#src/charts/objects.ts'
import { CHARTS_DIR, installedCharts, PROFILES, render } from '#src/charts/render.ts'
import { SCHEMAS_DIR } from '#src/charts/schemas.ts'
import { type Cluster, openCluster, run } from './commands.ts'
import { deleteNamespace, makeNamespace } from './installation.ts'
import type { Court } from './judging.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/**
 * The API server accepts every object of three profiles, the operators' ones included, in a namespace
 * with the restricted standard; it writes none of them. kubeconform agrees where it is installed.
 */
export async function validate(court: Court): Promise<void> {
  const { log, fail } = court
  await conform(court)
  const cluster = openCluster(`${court.cluster.namespace}-validate`)
  await makeNamespace(cluster)
  try {
    for (const profile of PROFILES) {
      for (const chart of await installedCharts()) {
        const objects = await render(chart, profile)
        const unknown = await unknownKinds(cluster, objects)
        const known = objects.filter(({ kind }) => !unknown.has(kind))
        const refusals = await dryRun(cluster, known)
        for (const line of refusals) fail(`${chart} ${profile}: ${line}`)
        const accepted = known.length - refusals.length
        const missing = [...unknown].map((kind) => `, no ${kind} on this server`).join('')
        log(`  ${chart} ${profile}: ${accepted} of ${objects.length} objects accepted${missing}`)
      }
    }
  } finally {
    await deleteNamespace(cluster)
  }
}

async function conform({ log, fail }: Court): Promise<void> {
  const location = `${SCHEMAS_DIR}/{{.ResourceKind}}{{.KindSuffix}}.json`
  const args = ['-strict', '-summary', '-schema-location', location, `${CHARTS_DIR}/golden`]
  try {
    const said = await run('kubeconform', args)
    log(`  kubeconform: ${said.trim().split('\n').at(-1)?.replaceAll(ROOT, '')}`)
  } catch (error) {
    const { cause } = error as { cause?: { code?: unknown; stdout?: string } }
    if (cause?.code === 'ENOENT') log('  kubeconform is not installed')
    else fail(`kubeconform: ${cause?.stdout?.trim()}`)
  }
}

/** Kinds that this server does not know: their operator is not installed. */
async function unknownKinds(
  { kubectl }: Cluster,
  objects: readonly KubeObject[],
): Promise<Set<string>> {
  const versions = new Set(objects.map(({ apiVersion }) => apiVersion))
  const known = new Set<string>()
  for (const version of versions) {
    const path = version.includes('/') ? `/apis/${version}` : `/api/${version}`
    const answer = await kubectl('get', '--raw', path).catch(() => '{"resources":[]}')
    const { resources } = JSON.parse(answer) as { resources: { kind: string }[] }
    for (const { kind } of resources) known.add(`${version} ${kind}`)
  }
  const unknown = objects.filter(({ apiVersion, kind }) => !known.has(`${apiVersion} ${kind}`))
  return new Set(unknown.map(({ kind }) => kind))
}

/** What the server refuses, one line an object. */
async function dryRun(
  { namespace }: Cluster,
  objects: readonly KubeObject[],
): Promise<readonly string[]> {
  const items = objects.map((object) => ({
    ...object,
    metadata: { ...object.metadata, namespace },
  }))
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  const args = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '--filename=-']
  try {
    await run('kubectl', ['--namespace', namespace, ...args], { input })
    return []
  } catch (error) {
    const { cause } = error as { cause?: { stderr?: string } }
    const lines = String(cause?.stderr ?? error).trim()
    return lines.split('\n').filter((line) => !line.startsWith('Warning:'))
  }
}
