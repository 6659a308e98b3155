import type { FastifySchema, RouteOptions } from 'fastify'
import type { AuthMode } from './auth.ts'
import { refusalsOf } from './schemas.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The part of a multipart body that carries the one file; for the document. */
    upload?: string
  }
}

const OPERATION_ID = /^[a-z]+([A-Z0-9][a-z0-9]*)+$/

const SECURITY: Readonly<Record<AuthMode, object[] | undefined>> = {
  public: [],
  optional: [{}, { bearer: [] }],
  bearer: [{ bearer: [] }],
  service: undefined,
}

// Every server and the gateway before it can give these, whatever the route is.
const OF_ALL = [400, 429, 431, 500, 502, 503, 504]
const METHODS_WITH_BODY = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

/**
 * Writes into the schema of a route what its config declares and which refusals follow from that,
 * so that the document cannot differ from the route. One that asks who is calling is documented
 * even without a tag: tests/gateway does not try hidden routes. Throws for a documented route that
 * has no operationId or no summary, because generated clients are named by them.
 */
export function documentRoute(name: string, route: RouteOptions): void {
  const { auth, access, upload } = route.config ?? {}
  if (auth === undefined || auth === 'service' || route.schema?.hide === true) return
  const tags = route.schema?.tags ?? (auth === 'public' ? undefined : ['other'])
  if (tags === undefined) return
  const { operationId = '', summary = '' } = route.schema ?? {}
  if (!OPERATION_ID.test(operationId)) {
    throw new Error(`route ${name} has no operationId such as listItems`)
  }
  if (summary === '') throw new Error(`route ${name} has no summary`)
  route.schema = {
    ...route.schema,
    tags,
    security: SECURITY[auth],
    'x-auth': auth,
    ...(access === undefined ? {} : { 'x-access': access }),
    ...(upload === undefined ? {} : { 'x-upload': upload }),
    'x-refusals': refusalStatuses(route),
  } as FastifySchema
}

/** The statuses of errors that a documented route may answer, the own ones and those of its kind. */
function refusalStatuses({ method, url, config, schema }: RouteOptions): number[] {
  const { auth, access } = config ?? {}
  const takesBody = [method].flat().some((one) => METHODS_WITH_BODY.has(one))
  const statuses = [
    ...OF_ALL,
    ...refusalsOf(schema?.response),
    ...(auth === 'public' ? [] : [401]),
    ...(access === 'role' || access === 'owner' ? [403] : []),
    // A browser with a session sent it, from the page of another site.
    ...(auth !== 'public' && takesBody ? [403] : []),
    ...(url.includes(':') ? [404] : []),
    // The body is read before it is known whether the route wants one.
    ...(takesBody ? [408, 413, 415] : []),
  ]
  return [...new Set(statuses)].sort((left, right) => left - right)
}

/** Whether the document of a route has this status among its answers; true for hidden routes. */
export function isDocumented(schema: FastifySchema | undefined, status: number): boolean {
  const refusals = (schema as { 'x-refusals'?: readonly number[] } | undefined)?.['x-refusals']
  if (refusals === undefined) return true
  return (
    refusals.includes(status) ||
    Object.keys((schema?.response ?? {}) as object).includes(String(status))
  )
}
