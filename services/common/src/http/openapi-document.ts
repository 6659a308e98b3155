import { STATUS_CODES } from 'node:http'
import type { SwaggerTransformObject } from '@fastify/swagger'
import { ErrorAnswer } from './schemas.ts'

type Json = Record<string, unknown>

interface Parameter {
  required?: boolean
  schema?: { default?: unknown }
}

interface Operation {
  parameters?: Parameter[]
  requestBody?: unknown
  responses?: Record<string, Json>
  'x-refusals'?: readonly number[]
  'x-upload'?: string
}

const RETRY_AFTER = {
  headers: {
    'Retry-After': {
      description: 'Seconds to wait before the request is sent again.',
      schema: { type: 'integer', minimum: 0 },
    },
  },
}

const refusal = (name: string, description: string, others: object = {}) => ({
  name,
  response: {
    description,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorBody' } } },
    ...others,
  },
})

// Also from the gateway, which answers 429, 502, 503 and 504 with the same body. Its own 431 is plain text (ADR 0040).
const REFUSALS: Readonly<Record<number, ReturnType<typeof refusal>>> = {
  400: refusal('BadRequest', 'A part of the request is not valid; details may name the field.'),
  401: refusal('Unauthenticated', 'No valid access token, or no valid proof of identity.', {
    headers: {
      'WWW-Authenticate': {
        description: 'The scheme of access tokens, also where something else was refused.',
        schema: { type: 'string' },
      },
    },
  }),
  403: refusal('Forbidden', 'The caller may not do this.'),
  404: refusal('NotFound', 'It does not exist, or the caller may not see it.'),
  406: refusal('NotAcceptable', 'The answer is of another type than the header Accept asks for.'),
  408: refusal('RequestTimeout', 'The request took too long to arrive.'),
  409: refusal('Conflict', 'The present state does not allow this; the code says which state.'),
  410: refusal('Gone', 'It existed and can no longer be used.'),
  413: refusal('BodyTooLarge', 'The body is larger than this operation takes.'),
  415: refusal('UnsupportedMediaType', 'The content type is not one that this operation takes.'),
  422: refusal('Unprocessable', 'The request is well formed, and its content is refused.'),
  428: refusal('ConfirmationRequired', 'The request must be confirmed; details say how.'),
  429: refusal('TooManyRequests', 'Too many requests; wait before the next one.', RETRY_AFTER),
  431: refusal('HeadersTooLarge', 'The address and the headers are too long together.'),
  500: refusal('InternalError', 'An error on the side of the platform; it is logged.'),
  502: refusal(
    'NoAnswer',
    'The service gave no answer; what was asked may have been done.',
    RETRY_AFTER,
  ),
  503: refusal(
    'Unavailable',
    'The service cannot answer now. The same may be sent again, with its key where there is one.',
    RETRY_AFTER,
  ),
  504: refusal(
    'TimedOut',
    'No answer came in time; what was asked may have been done.',
    RETRY_AFTER,
  ),
}

/**
 * Finishes a document: every refusal by its own status instead of `4XX` and `5XX`, schemas with a
 * title as components of that name, files in multipart bodies, and parameters with a default as
 * ones that need not be sent.
 */
export const finishDocument: SwaggerTransformObject = (document) => {
  if (!('openapiObject' in document)) return document.swaggerObject
  const { openapiObject } = document
  const components = (openapiObject.components ?? {}) as { schemas?: Json; responses?: Json }
  const schemas = new Map<string, unknown>(Object.entries(components.schemas ?? {}))
  const responses = new Map<string, unknown>()
  nameSchemas(ErrorAnswer, schemas)
  for (const path of Object.values((openapiObject.paths ?? {}) as Record<string, Json>)) {
    for (const [method, described] of Object.entries(path)) {
      const operation = described as Operation
      relaxDefaults(operation)
      describeAnswers(operation, responses)
      describeUpload(operation)
      path[method] = nameSchemas(operation, schemas)
    }
  }
  const inOrder = (entries: Map<string, unknown>) =>
    Object.fromEntries([...entries].sort(([left], [right]) => (left < right ? -1 : 1)))
  return {
    ...openapiObject,
    components: { ...components, schemas: inOrder(schemas), responses: inOrder(responses) },
  } as typeof openapiObject
}

// The validator fills defaults in, so the schema's types have such a parameter always.
function relaxDefaults({ parameters = [] }: Operation): void {
  for (const parameter of parameters) {
    if (parameter.schema?.default !== undefined) parameter.required = false
  }
}

function describeAnswers(operation: Operation, used: Map<string, unknown>): void {
  const { 'x-refusals': refusals = [], responses = {} } = operation
  delete operation['x-refusals']
  const answers: Record<string, unknown> = {}
  for (const [status, answer] of Object.entries(responses)) {
    if (/^[45]XX$/i.test(status)) continue
    const isPlain = answer.description === 'Default Response'
    answers[status] = isPlain ? { ...answer, description: STATUS_CODES[status] } : answer
  }
  for (const status of refusals) {
    const known = REFUSALS[status]
    if (known === undefined) throw new Error(`no description of refusals with status ${status}`)
    used.set(known.name, known.response)
    answers[status] = { $ref: `#/components/responses/${known.name}` }
  }
  operation.responses = answers as Record<string, Json>
}

function describeUpload(operation: Operation): void {
  const { 'x-upload': part } = operation
  if (part === undefined) return
  delete operation['x-upload']
  const file = { type: 'string', format: 'binary', description: 'The bytes of the file.' }
  const schema = { type: 'object', properties: { [part]: file }, required: [part] }
  operation.requestBody = { required: true, content: { 'multipart/form-data': { schema } } }
}

/** Replaces each schema that has a title by a reference to the component of that name. */
function nameSchemas(value: unknown, schemas: Map<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((each) => nameSchemas(each, schemas))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, each]) => [key, nameSchemas(each, schemas)])
  const schema = choicesAsEnum(Object.fromEntries(entries))
  const { title } = schema
  if (typeof title !== 'string' || !('type' in schema || 'anyOf' in schema)) return schema
  const known = schemas.get(title)
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
    throw new Error(`two different schemas have the title ${title}`)
  }
  schemas.set(title, schema)
  return { $ref: `#/components/schemas/${title}` }
}

/** A choice of constant texts, as generators of clients know it. */
function choicesAsEnum(schema: Json): Json {
  const { anyOf, ...rest } = schema
  if (!Array.isArray(anyOf)) return schema
  // A constant has become a choice of one by then.
  const texts = anyOf.map((each) => each?.const ?? (each?.enum?.length === 1 && each.enum[0]))
  if (!texts.every((text) => typeof text === 'string')) return schema
  return { type: 'string', enum: texts, ...rest }
}
