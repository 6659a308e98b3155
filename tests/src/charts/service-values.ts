import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Service, Workload } from '@auction/local/service-list.ts'
import { Document, isMap, type Node, Pair, parseDocument, Scalar, YAMLMap } from 'yaml'
import { CHARTS_DIR } from './render.ts'

const COMMON = `${CHARTS_DIR}/auction-lib/common`

/** The part of the common values that a process takes. */
function kindOf({ port, queues }: Workload): 'serving' | 'consuming' | 'working' {
  if (port !== undefined) return 'serving'
  return queues === undefined ? 'working' : 'consuming'
}

/** values.yaml of a service's chart: the common values, changed and extended by values.own.yaml. */
export async function valuesOf({ name, workloads, jobs }: Service): Promise<string> {
  const common = parseDocument(
    (await readFile(`${COMMON}/values.yaml`, 'utf8')).replace('NAME', name),
  )
  const partOf = (key: string) => common.get(key) as YAMLMap
  const values = partOf('service')
  const processes = new YAMLMap()
  for (const [workload, its] of Object.entries(workloads)) {
    processes.add(new Pair(new Scalar(workload), partOf(kindOf(its)).clone()))
  }
  add(values, 'workloads', processes)
  const hasJobs = Object.keys(jobs).length > 0
  const jobNames = Object.keys(jobs).join(' and ')
  add(values, 'jobs', hasJobs ? partOf('jobs') : emptyMap(), hasJobs ? `: ${jobNames}` : undefined)
  const own = `${CHARTS_DIR}/${name}/values.own.yaml`
  if (existsSync(own)) {
    const { contents } = parseDocument(await readFile(own, 'utf8'))
    if (isMap(contents)) merge(values, contents as YAMLMap)
  }
  const document = new Document(values)
  document.commentBefore = [
    ` What an operator may choose about ${name}. Written by \`npm run golden -w tests\` from the common values`,
    ' (auction-lib/common), charts/services.yaml and values.own.yaml: change those. Addresses and Secrets of',
    " the database and the broker are global: the umbrella's values.yaml explains them.",
  ].join('\n')
  return document.toString({ lineWidth: 0 })
}

function add(values: YAMLMap, key: string, value: Node, jobs?: string): void {
  const name = new Scalar(key)
  name.spaceBefore = true
  if (jobs !== undefined)
    name.commentBefore = ` Run before an install and an upgrade touch anything else${jobs}`
  values.add(new Pair(name, value))
}

function emptyMap(): YAMLMap {
  const map = new YAMLMap()
  map.flow = true
  return map
}

/** What `own` says wins; maps are merged. Comments of `own` win where it has any. */
function merge(base: YAMLMap, own: YAMLMap): void {
  for (const pair of own.items as Pair<Scalar, Node>[]) {
    const { key, value } = pair
    const found = base.items.find((one) => (one.key as Scalar).value === key.value)
    if (found === undefined) base.add(pair)
    else if (isMap(found.value) && isMap(value)) merge(found.value as YAMLMap, value as YAMLMap)
    else {
      found.value = value
      if (key.commentBefore !== undefined) (found.key as Scalar).commentBefore = key.commentBefore
    }
  }
}

type Schema = Record<string, unknown>

/** values.schema.json of a service's chart; values.own.schema.json has the properties it has more. */
export async function schemaOf({ name, workloads, jobs }: Service): Promise<string> {
  const read = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as Schema
  const common = await read(`${COMMON}/values.schema.json`)
  const own = `${CHARTS_DIR}/${name}/values.own.schema.json`
  const names = Object.keys(workloads)
  return writeJson({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: `Values of ${name}`,
    type: 'object',
    additionalProperties: false,
    properties: {
      ...(common.service as Schema),
      workloads: {
        type: 'object',
        additionalProperties: false,
        required: names,
        properties: Object.fromEntries(
          Object.entries(workloads).map(([workload, its]) => [workload, common[kindOf(its)]]),
        ),
      },
      jobs:
        Object.keys(jobs).length > 0
          ? common.jobs
          : { type: 'object', additionalProperties: false },
      ...(existsSync(own) ? await read(own) : {}),
    },
    definitions: common.definitions,
  })
}

const LINE_WIDTH = 100

/** JSON as Biome formats it: a list of plain values is one line when it fits. */
export function writeJson(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2).replaceAll(
    /^(.*)\[\n([^[\]{}]*?)\n\s*\](,?)$/gm,
    (whole, before: string, items: string, after: string) => {
      const line = `${before}[${items.trim().replaceAll(/,\n\s*/g, ', ')}]${after}`
      return line.length > LINE_WIDTH ? whole : line
    },
  )
  return `${text}\n`
}
