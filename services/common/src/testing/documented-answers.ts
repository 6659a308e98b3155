import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import { isDocumented } from '../http/openapi.ts'
import type { Teardown } from './database.ts'

const undocumented = new Set<string>()

// Every server of this process is watched from its first moment, so none of its routes is missed.
subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { fastify: FastifyInstance }
  fastify.addHook('onResponse', (request, reply, done) => {
    const { schema, method, url } = request.routeOptions
    if (!isDocumented(schema, reply.statusCode)) {
      undocumented.add(`${String(method)} ${url}: ${reply.statusCode} ${request.errorCode ?? ''}`)
    }
    done()
  })
})

/**
 * Fails the test when, in this process, a route has answered a status that its document does not
 * name. So every test of a service is a test of its document as well.
 */
export function expectDocumentedAnswers(t: Teardown): void {
  t.teardown(() => {
    const found = [...undocumented]
    undocumented.clear()
    if (found.length > 0) throw new Error(`not in the document: ${found.join('; ')}`)
  })
}
