import { DOCS } from '@auction/local/service-list.ts'
import type { ApiClient } from '#src/api-client.ts'
import { insist } from '#src/people.ts'

/** A JSON schema, as far as a body is made from one. */
export interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly minProperties?: number
  readonly items?: Schema
  readonly minItems?: number
  readonly minLength?: number
  readonly minimum?: number
  readonly pattern?: string
  readonly format?: string
}

/** One operation as its document describes it. */
export interface Operation {
  readonly name: string
  readonly operationId: string
  readonly service: string
  readonly method: string
  /** With its parameters in braces. */
  readonly path: string
  readonly auth: string | undefined
  readonly access: string | undefined
  readonly asksForToken: boolean
  readonly mayHaveToken: boolean
  readonly body: Schema | undefined
  /** What each parameter of the path takes. */
  readonly parameters: ReadonlyMap<string, Schema>
}

interface Described {
  readonly operationId?: string
  readonly 'x-auth'?: string
  readonly 'x-access'?: string
  readonly security?: readonly object[]
  readonly parameters?: readonly { in: string; name: string; schema: Schema }[]
  readonly requestBody?: { content?: Record<string, { schema?: Schema }> }
}

interface Components {
  readonly schemas: Readonly<Record<string, unknown>>
}

const COMPONENT = '#/components/schemas/'

/** The same with every reference to a schema replaced by the schema. */
function resolveAll(value: unknown, components: Components): unknown {
  if (Array.isArray(value)) return value.map((each) => resolveAll(each, components))
  if (typeof value !== 'object' || value === null) return value
  const { $ref } = value as { $ref?: unknown }
  if (typeof $ref === 'string' && $ref.startsWith(COMPONENT)) {
    return resolveAll(components.schemas[$ref.slice(COMPONENT.length)], components)
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, resolveAll(each, components)]),
  )
}

/** Every operation of every document, so that a new route is tried the day it is written. */
export async function readOperations(client: ApiClient): Promise<Operation[]> {
  const documents = await Promise.all(
    [...DOCS].map(async ([service, path]) => {
      const { body } = await insist(client, 'GET', `${path}/openapi.json`, { accept: [200] })
      const paths = body.paths as Record<string, Record<string, Described>>
      return { service, paths, components: body.components as Components }
    }),
  )
  return documents.flatMap(({ service, paths, components }) =>
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) => ({
        ...describe(method, path, resolveAll(described, components) as Described),
        service,
      })),
    ),
  )
}

function describe(method: string, path: string, described: Described): Omit<Operation, 'service'> {
  const { security = [], parameters = [], requestBody } = described
  const names = security.map((requirement) => Object.keys(requirement).join())
  const name = `${method.toUpperCase()} ${path}`
  return {
    name,
    operationId: described.operationId ?? '',
    method: method.toUpperCase(),
    path,
    auth: described['x-auth'],
    access: described['x-access'],
    asksForToken: names.length > 0 && names.every((one) => one === 'bearer'),
    mayHaveToken: names.includes('bearer'),
    parameters: new Map(
      parameters.filter((one) => one.in === 'path').map(({ name, schema }) => [name, schema]),
    ),
    body: requestBody?.content?.['application/json']?.schema,
  }
}

const A_UUID = '0197a3c4-0000-7000-8000-000000000001'

/** The smallest body that a schema takes, so that a refusal is not for the body. */
export function sample(schema: Schema): unknown {
  const { anyOf, properties = {}, required = [], minProperties = 0, items, minItems = 0 } = schema
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  if (anyOf?.[0] !== undefined) return sample(anyOf[0])
  switch (schema.type) {
    case 'object': {
      const spare = Object.keys(properties).filter((name) => !required.includes(name))
      const names = [...required, ...spare.slice(0, Math.max(0, minProperties - required.length))]
      return Object.fromEntries(names.map((name) => [name, sample(properties[name] ?? {})]))
    }
    case 'array':
      return Array.from({ length: minItems }, () => sample(items ?? {}))
    case 'integer':
    case 'number':
      return schema.minimum ?? 1
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return sampleText(schema)
  }
}

function sampleText({ format, pattern = '', minLength = 1 }: Schema): string {
  if (format === 'date-time') return new Date(Date.now() + 86_400_000).toISOString()
  if (format === 'email') return 'sample@example.test'
  const candidates = [
    '1',
    'a',
    'USD',
    'DE',
    '000000',
    'a'.repeat(43),
    A_UUID,
    '1'.repeat(minLength),
    'https://sample.example/',
  ]
  const isTaken = (text: string) => text.length >= minLength && new RegExp(pattern).test(text)
  return candidates.find(isTaken) ?? ''
}
