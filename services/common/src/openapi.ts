import type { SwaggerTransformObject } from '@fastify/swagger'

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
