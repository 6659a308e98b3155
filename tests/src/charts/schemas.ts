import { fileURLToPath } from 'node:url'
import type { KubeObject } from './objects.ts'

export const SCHEMAS_DIR = fileURLToPath(new URL('../../data/charts/schemas', import.meta.url))

export type Schema = { readonly [key: string]: unknown }

/** The components of one group and version, as a server answers /openapi/v3/…. */
export interface OpenApi {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

export interface KindOf {
  readonly group: string
  readonly version: string
  readonly kind: string
}

export function kindOf({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): KindOf {
  const [group = '', version] = apiVersion.split('/')
  return version === undefined ? { group: '', version: group, kind } : { group, version, kind }
}

/** As kubeconform names them: `{{.ResourceKind}}{{.KindSuffix}}.json`. */
export function schemaFile({ group, version, kind }: KindOf): string {
  const suffix = group === '' ? version : `${group.split('.')[0]}-${version}`
  return `${SCHEMAS_DIR}/${kind.toLowerCase()}-${suffix}.json`
}

export const openApiPath = ({ group, version }: KindOf) =>
  group === '' ? `/openapi/v3/api/${version}` : `/openapi/v3/apis/${group}/${version}`

const REFERENCE = '#/components/schemas/'
const NAMES = 'x-kubernetes-group-version-kind'

/** The schema of one kind alone, that refuses what the server would drop without a word. */
export function extractSchema({ components }: OpenApi, wanted: KindOf): Schema {
  const found = Object.entries(components.schemas).find(([, schema]) =>
    ((schema[NAMES] ?? []) as KindOf[]).some(
      ({ group, version, kind }) =>
        group === wanted.group && version === wanted.version && kind === wanted.kind,
    ),
  )
  if (found === undefined) throw new Error(`the server has no ${wanted.kind} of ${wanted.group}`)
  const definitions = new Map<string, Schema>()
  const waiting: string[] = []
  const meet = (name: string) => {
    if (definitions.has(name)) return
    definitions.set(name, {})
    waiting.push(name)
  }
  const { properties = {}, ...rest } = found[1] as { properties?: Record<string, Schema> }
  // No manifest sets a status.
  const { status: _, ...own } = properties
  const root = close({ ...rest, properties: own }, meet)
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop())
    definitions.set(name, close(components.schemas[name] ?? {}, meet))
  const sorted = [...definitions].sort(([one], [other]) => (one < other ? -1 : 1))
  return { ...root, ...(sorted.length === 0 ? {} : { definitions: Object.fromEntries(sorted) }) }
}

/** What only describes, and formats that say how the server stores it. */
const IDLE = new Set(['description', 'format', 'default', 'example', 'nullable', 'title'])

function close(schema: Schema, meet: (name: string) => void): Schema {
  const closed: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema)) {
    if (IDLE.has(key) || key.startsWith('x-')) continue
    closed[key] = closePart(key, value, meet)
  }
  if (schema['x-kubernetes-int-or-string'] === true) closed.type = ['integer', 'string']
  if (schema.nullable === true && typeof closed.type === 'string')
    closed.type = [closed.type, 'null']
  const isOpen =
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    schema['x-kubernetes-embedded-resource'] === true
  if (schema.properties !== undefined && !isOpen) closed.additionalProperties ??= false
  return closed
}

function closePart(key: string, value: unknown, meet: (name: string) => void): unknown {
  if (key === '$ref') {
    const name = String(value).replace(REFERENCE, '')
    meet(name)
    return `#/definitions/${name}`
  }
  if (key === 'properties')
    return Object.fromEntries(
      Object.entries(value as Record<string, Schema>).map(([name, schema]) => [
        name,
        close(schema, meet),
      ]),
    )
  if (key === 'items' || (key === 'additionalProperties' && typeof value === 'object'))
    return close(value as Schema, meet)
  // Go turns case off from here on, JavaScript within a group; both know the group.
  if (key === 'pattern') return String(value).replace(/^\^\(\?i\)(.*)\$$/, '^(?i:$1)$')
  // These say more about what stands beside them, so they list only a part of its properties.
  if (key === 'allOf') return (value as Schema[]).map((one) => refer(one, meet))
  return value
}

function refer(schema: Schema, meet: (name: string) => void): Schema {
  return '$ref' in schema ? { $ref: closePart('$ref', schema.$ref, meet) } : schema
}
