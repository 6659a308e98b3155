import { Ajv, type AnySchema, type ErrorObject } from 'ajv'
import formatsModule from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'

// ajv-formats is CommonJS; under nodenext its function is the module's default property.
const addFormats = formatsModule.default

function create(coerceTypes: boolean): Ajv {
  const ajv = new Ajv({
    coerceTypes,
    removeAdditional: false,
    useDefaults: true,
    allErrors: false,
    strict: false,
    ownProperties: true,
  })
  addFormats(ajv)
  const dateTime = ajv.formats['date-time'] as { validate: (text: string) => boolean }
  ajv.addKeyword({
    keyword: 'kept',
    type: 'string',
    validate: (_kept: true, text: string) => !text.includes('\0') && text.isWellFormed(),
    error: { message: 'must not hold U+0000 or half of a character' },
  })
  ajv.addFormat('date-time', (text: string) => dateTime.validate(text) && isKept(text))
  return ajv
}

/**
 * Whether an instant can be stored and sent again (R-TEXT-5): no Date has a leap second, and the last hours of 9999 in
 * the west are in a year of five digits in UTC.
 */
function isKept(text: string): boolean {
  const year = new Date(text).getUTCFullYear()
  return year >= 1 && year <= 9_999
}

/**
 * Bodies are taken as they are: no coercion, unknown fields refused, never removed. Query strings
 * and path parameters arrive as text, so numbers and booleans are read from it there.
 */
export function createValidatorCompiler(): FastifySchemaCompiler<AnySchema> {
  const strict = create(false)
  const coercing = create(true)
  return ({ schema, httpPart }) =>
    (httpPart === 'body' ? strict : coercing).compile(keptTexts(schema) as AnySchema)
}

/**
 * What fixes every character of a string; a pattern need not. A text that people write is read and judged where it
 * is used.
 */
const FIXED = ['format', 'enum', 'const', 'x-text']

/** The same schema, where no other string may hold what PostgreSQL cannot keep (R-TEXT-5). */
function keptTexts(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(keptTexts)
  if (typeof schema !== 'object' || schema === null) return schema
  const parts = Object.entries(schema).map(([key, part]) => [key, keptTexts(part)])
  const isFree = (schema as { type?: unknown }).type === 'string'
  const isFixed = FIXED.some((key) => key in schema)
  return { ...Object.fromEntries(parts), ...(isFree && !isFixed ? { kept: true } : {}) }
}

/** The offending field, as the caller spelt it: `maxAmount`, `items.0.name`. */
export function fieldOf(error: Pick<ErrorObject, 'instancePath' | 'keyword' | 'params'>): string {
  const path = error.instancePath.split('/').filter(Boolean)
  const { params } = error
  if (error.keyword === 'required') path.push(String(params.missingProperty))
  if (error.keyword === 'additionalProperties') path.push(String(params.additionalProperty))
  return path.join('.').slice(0, 100)
}
