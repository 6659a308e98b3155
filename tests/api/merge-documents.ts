import type { ApiDocument } from './documents.ts'

const COMPONENT = '"#/components/'

/**
 * One document of all operations of several. Their components get the name of the service in front, since two services
 * may call different things by one name.
 */
export function mergeDocuments(documents: ReadonlyMap<string, ApiDocument>): ApiDocument {
  const merged: ApiDocument = {
    openapi: '3.1.0',
    info: { title: 'All services', version: '1.0.0' },
    servers: [{ url: '/' }],
    paths: {},
    components: {},
  }
  for (const [service, document] of documents) {
    const { paths, components } = JSON.parse(
      JSON.stringify(document).replaceAll(
        /"#\/components\/(schemas|responses)\//g,
        `${COMPONENT}$1/${service}.`,
      ),
    ) as ApiDocument
    for (const [path, operations] of Object.entries(paths)) {
      if (path in merged.paths) throw new Error(`two services answer ${path}`)
      merged.paths[path] = operations
    }
    for (const [kind, entries] of Object.entries(components)) {
      const prefix = kind === 'securitySchemes' ? '' : `${service}.`
      const named = Object.entries(entries).map(([name, entry]) => [`${prefix}${name}`, entry])
      merged.components[kind] = { ...merged.components[kind], ...Object.fromEntries(named) }
    }
  }
  return merged
}
