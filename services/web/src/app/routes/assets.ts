import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { App } from '@auction/common/http/server.ts'
import fastifyStatic from '@fastify/static'

const ASSETS = fileURLToPath(new URL('../../assets', import.meta.url))

/** The few files that pages refer to: one route a file, so every other name gets the 404 page. */
export async function assetRoutes(app: App): Promise<void> {
  await app.register(fastifyStatic, {
    root: ASSETS,
    serve: false,
    cacheControl: false,
    setHeaders(reply, path) {
      // Names never change, so the browser asks each time and mostly gets a 304.
      reply.header('cache-control', 'no-cache')
      // The library still says application/javascript, which RFC 9239 made obsolete.
      if (path.endsWith('.js')) reply.header('content-type', 'text/javascript; charset=utf-8')
    },
  })
  for (const name of await readdir(ASSETS)) {
    app.route({
      method: ['GET', 'HEAD'],
      url: `/assets/${name}`,
      config: { auth: 'public' },
      handler: (_request, reply) => reply.sendFile(name),
    })
  }
}
