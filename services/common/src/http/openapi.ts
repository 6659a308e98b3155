import type { SwaggerTransformObject } from '@fastify/swagger'
import type { FastifySchema, RouteOptions } from 'fastify'
import type { AuthMode } from './auth.ts'

interface Parameter {
  required?: boolean
  schema?: { default?: unknown }
}

/**
 * A parameter with a default need not be sent. The schema's types have it always, because the
 * validator fills it in, and without this the document would ask every client for it.
 */
export const withOptionalDefaults: SwaggerTransformObject = (document) => {
  if (!('openapiObject' in document)) return document.swaggerObject
  for (const path of Object.values(document.openapiObject.paths ?? {})) {
    for (const operation of Object.values(path ?? {})) {
      const { parameters = [] } = operation as { parameters?: Parameter[] }
      for (const parameter of parameters) {
        if (parameter.schema?.default !== undefined) parameter.required = false
      }
    }
  }
  return document.openapiObject
}

const SECURITY: Readonly<Record<AuthMode, object[] | undefined>> = {
  public: undefined,
  optional: [{}, { bearer: [] }],
  bearer: [{ bearer: [] }],
  service: undefined,
}

/**
 * Says in the document what the route declares in its config, so that the two cannot differ. One
 * that asks who is calling is documented even without a tag: tests/gateway does not try hidden routes.
 */
export function documentAccess(route: RouteOptions): void {
  const { auth, access } = route.config ?? {}
  if (auth === undefined || auth === 'service' || route.schema?.hide === true) return
  const tags = route.schema?.tags ?? (auth === 'public' ? undefined : ['other'])
  if (tags === undefined) return
  const extensions = { 'x-auth': auth, ...(access === undefined ? {} : { 'x-access': access }) }
  route.schema = { ...route.schema, tags, security: SECURITY[auth], ...extensions } as FastifySchema
}
