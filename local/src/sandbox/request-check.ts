import { readFileSync } from 'node:fs'
import { Ajv, type ValidateFunction } from 'ajv'
import { type Form, invalid } from './wire.ts'

interface Schema {
  properties?: Record<string, Schema>
  additionalProperties?: unknown
  items?: Schema
  anyOf?: Schema[]
  [keyword: string]: unknown
}

interface RequestSchemas {
  /** The version of Stripe's API that the schemas were cut from. */
  apiVersion: string
  requests: Record<string, Schema>
}

/** What Stripe publishes of the requests we use, MIT: https://github.com/stripe/openapi, descriptions left out. */
const SCHEMAS = JSON.parse(
  readFileSync(new URL('stripe-requests.json', import.meta.url), 'utf8'),
) as RequestSchemas

export const API_VERSION = SCHEMAS.apiVersion

// The file has no request whose only parameter is `expand`.
const EXPAND_ONLY: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: { expand: { type: 'array', items: { type: 'string' } } },
}

const validators = new Map<string, ValidateFunction>(compileAll())

function compileAll(): [string, ValidateFunction][] {
  // Forms have text only, so numbers and booleans are read from it, as Stripe does.
  const ajv = new Ajv({ strict: false, coerceTypes: true, allErrors: true, validateFormats: false })
  return [
    ...Object.entries(SCHEMAS.requests).map(([path, schema]): [string, ValidateFunction] => [
      path,
      ajv.compile(closed(schema)),
    ]),
    ['/v1/checkout/sessions/{session}/expire', ajv.compile(EXPAND_ONLY)],
  ]
}

/** Stripe refuses unknown parameters at every depth; the published schemas say so at the first only. */
function closed(schema: Schema): Schema {
  const { properties, items, anyOf } = schema
  return {
    ...schema,
    ...(properties === undefined
      ? {}
      : {
          additionalProperties: schema.additionalProperties ?? false,
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, one]) => [name, closed(one)]),
          ),
        }),
    ...(items === undefined ? {} : { items: closed(items) }),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map(closed) }),
  }
}

/** Throws the error that Stripe answers when a request has parameters that its schema does not know. */
export function checkRequest(template: string, form: Form): void {
  const validate = validators.get(template)
  if (validate === undefined) throw new Error(`no schema for ${template}`)
  // Reading numbers from text changes what is validated.
  if (validate(structuredClone(form))) return
  const error = validate.errors?.find(({ keyword }) => keyword !== 'anyOf') ?? validate.errors?.[0]
  const { additionalProperty, missingProperty } = error?.params ?? {}
  const place = (error?.instancePath ?? '').slice(1).split('/').filter(Boolean)
  const name = (last?: string) => {
    const [first = '', ...rest] = last === undefined ? place : [...place, last]
    return first + rest.map((part) => `[${part}]`).join('')
  }
  if (typeof additionalProperty === 'string') {
    const param = name(additionalProperty)
    throw invalid(`Received unknown parameter: ${param}`, 'parameter_unknown', param)
  }
  if (typeof missingProperty === 'string') {
    const param = name(missingProperty)
    throw invalid(`Missing required param: ${param}.`, 'parameter_missing', param)
  }
  throw invalid(`Invalid ${name()}: ${error?.message}`, 'parameter_invalid', name())
}
