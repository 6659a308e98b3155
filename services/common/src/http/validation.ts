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
  return ajv
}

/**
 * Bodies are taken as they are: no coercion, unknown fields refused, never removed. Query strings
 * and path parameters arrive as text, so numbers and booleans are read from it there.
 */
export function createValidatorCompiler(): FastifySchemaCompiler<AnySchema> {
  const strict = create(false)
  const coercing = create(true)
  return ({ schema, httpPart }) => (httpPart === 'body' ? strict : coercing).compile(schema)
}

/** The offending field, as the caller spelt it: `maxAmount`, `items.0.name`. */
export function fieldOf(error: Pick<ErrorObject, 'instancePath' | 'keyword' | 'params'>): string {
  const path = error.instancePath.split('/').filter(Boolean)
  const { params } = error
  if (error.keyword === 'required') path.push(String(params.missingProperty))
  if (error.keyword === 'additionalProperties') path.push(String(params.additionalProperty))
  return path.join('.').slice(0, 100)
}
