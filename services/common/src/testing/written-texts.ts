import type { InjectOptions } from 'fastify'
import type { App } from '../http/server.ts'
import type { TextKind } from '../text.ts'

type Schema = Record<string, unknown>

/** A string that a route takes and whose form no schema fixes. */
export interface FreeString {
  /** `POST /items body.name` */
  place: string
  /** The kind of text it is, as WrittenText says; undefined for every other string. */
  kind: string | undefined
}

const FIXED = ['pattern', 'format', 'enum', 'const']
const COMPOSED = ['anyOf', 'oneOf', 'allOf'] as const

/** Every such string of an API, in bodies, queries and headers, as its OpenAPI document has it. */
export async function freeStringsOf(app: App): Promise<FreeString[]> {
  await app.ready()
  const document = app.swagger() as unknown as Schema
  const found = new Map<string, string | undefined>()
  const resolve = (schema: Schema): Schema => {
    const reference = schema.$ref
    if (typeof reference !== 'string') return schema
    const path = reference.replace('#/', '').split('/')
    return resolve(path.reduce((at, key) => at[key] as Schema, document))
  }
  const visit = (given: Schema, place: string): void => {
    const schema = resolve(given)
    if (schema.type === 'string' && !FIXED.some((key) => key in schema)) {
      found.set(place, schema['x-text'] as string | undefined)
    }
    for (const key of COMPOSED) {
      for (const part of (schema[key] ?? []) as Schema[]) visit(part, place)
    }
    if (schema.items !== undefined) visit(schema.items as Schema, place)
    for (const [name, property] of Object.entries((schema.properties ?? {}) as Schema)) {
      visit(property as Schema, `${place}.${name}`)
    }
  }
  const paths = document.paths as Record<string, Record<string, Schema>>
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const name = `${method.toUpperCase()} ${path}`
      for (const parameter of (operation.parameters ?? []) as Schema[]) {
        const { in: where, name: parameterName, schema } = resolve(parameter)
        visit(schema as Schema, `${name} ${String(where)}.${String(parameterName)}`)
      }
      const body = resolve((operation.requestBody ?? {}) as Schema)
      for (const { schema } of Object.values((body.content ?? {}) as Record<string, Schema>)) {
        if (schema !== undefined) visit(schema as Schema, `${name} body`)
      }
    }
  }
  return [...found].map(([place, kind]) => ({ place, kind }))
}

/** Every place in a body where people write a text, with the largest text of its kind. */
export async function largestTexts(
  app: App,
  texts: Readonly<Record<string, TextKind>>,
): Promise<{ place: string; kind: string; text: string }[]> {
  const byName = new Map(Object.values(texts).map((kind) => [kind.name, kind]))
  return (await freeStringsOf(app)).flatMap(({ place, kind: name }) => {
    const kind = byName.get(name ?? '')
    if (kind === undefined || !place.includes(' body.')) return []
    return [{ place, kind: kind.name, text: largestText(kind) }]
  })
}

/** All characters that a kind allows, with as many bytes as spoons (4) and flags (8) can have in it. */
function largestText({ charactersMax, bytesMax }: TextKind): string {
  const count = Math.min(charactersMax, Math.floor(bytesMax / 4)) - 1
  const flags = Math.min(count, Math.floor((bytesMax - 4 * (count + 1)) / 4))
  return `a${'🇩🇪'.repeat(flags)}${'🥄'.repeat(count - flags)}`
}

/** From now on bodies arrive with all that is not ASCII escaped, as many libraries write it: thrice as long. */
export function escapeBodies(app: App): void {
  const inject = app.inject.bind(app) as (options: InjectOptions) => unknown
  const escaping = ({ payload, ...options }: InjectOptions) => {
    if (payload === undefined) return inject(options)
    const headers = { ...options.headers, 'content-type': 'application/json' }
    return inject({ ...options, headers, payload: escapedJson(payload) })
  }
  Object.assign(app, { inject: escaping })
}

const escapedJson = (value: unknown) =>
  JSON.stringify(value).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** The kind of text that each of these places takes. */
export const kindsByPlace = (strings: readonly FreeString[]): Map<string, string | undefined> =>
  new Map(strings.map(({ place, kind }) => [place, kind]))

/** Where people write texts, and where any other string is taken; each in order. */
export function placesOf(strings: readonly FreeString[]): { texts: string[]; others: string[] } {
  const places = (isText: boolean) =>
    strings
      .filter(({ kind }) => (kind !== undefined) === isText)
      .map(({ place }) => place)
      .sort()
  return { texts: places(true), others: places(false) }
}

/** The kinds that stand in a document, and those of a list, for a comparison. */
export const kindNames = (strings: readonly FreeString[]): string[] =>
  [...new Set(strings.flatMap(({ kind }) => kind ?? []))].sort()
export const namesOf = (texts: Readonly<Record<string, { name: string }>>): string[] =>
  Object.values(texts)
    .map(({ name }) => name)
    .sort()

/** Columns with a text that is not in composed form, or that begins or ends with a blank. */
export async function unreadColumns(pool: {
  query(text: string): Promise<{ rows: Record<string, unknown>[] }>
}): Promise<string[]> {
  const { rows: columns } = await pool.query(
    `select format('%I', table_name) as table, format('%I', column_name) as column
     from information_schema.columns join information_schema.tables using (table_schema, table_name)
     where table_schema = 'public' and table_type = 'BASE TABLE' and data_type = 'text'`,
  )
  const unread: string[] = []
  for (const { table, column } of columns) {
    const { rows } = await pool.query(
      `select from ${table} where ${column} is not nfc normalized
         or ${column} ~ '^[\\u00a0\\u200b]|[\\u00a0\\u200b]$' limit 1`,
    )
    if (rows.length > 0) unread.push(`${table}.${column}`)
  }
  return unread
}
