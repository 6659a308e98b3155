import type { FastifyContextConfig } from 'fastify'
import { answerBrokenRequest } from './error-answers.ts'
import type { App } from './server.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The whole body is a file, which a slow line needs long for. */
    takesFile?: boolean
  }
}

/** Five megabytes over 0.7 Mbit/s. The gateway waits as long for a request. */
export const UPLOAD_TIMEOUT_MS = 60_000

/**
 * Answers 408 to a request whose body is not there in time, unless its route takes a file. For servers that wait
 * longer than this for some requests: a small body that comes slowly holds a connection for nothing.
 */
export function boundSmallBodies(app: App, timeoutMs: number): void {
  app.addHook('onRequest', ({ raw, headers, routeOptions }, reply, done) => {
    const hasBody =
      headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
    if (hasBody && !takesFile(routeOptions.config)) {
      const timer = setTimeout(() => {
        const error = new Error('the body did not arrive in time')
        const code = 'ERR_HTTP_REQUEST_TIMEOUT'
        answerBrokenRequest(Object.assign(error, { code }), raw.socket)
      }, timeoutMs).unref()
      const stop = () => clearTimeout(timer)
      raw.once('end', stop)
      // A request that is refused before it was read is over as well.
      reply.raw.once('finish', stop).once('close', stop)
    }
    done()
  })
}

const takesFile = ({ upload, takesFile = false }: FastifyContextConfig): boolean =>
  upload !== undefined || takesFile
