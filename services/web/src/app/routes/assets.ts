import { hasEntityTag } from '@auction/common/http/entity-tag.ts'
import type { App } from '@auction/common/http/server.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ASSETS, ASSETS_VERSION, type Asset } from '#src/app/assets.ts'

const YEAR_SECONDS = 31_536_000

/**
 * The few files that pages refer to: one route a file, so every other name gets the 404 page. Under the version of
 * this process a file never changes. Under another one, as pages of a replica before or after an upgrade name it,
 * the present file is sent, and the browser asks again the next time.
 */
export async function assetRoutes(app: App): Promise<void> {
  for (const [name, asset] of ASSETS) {
    app.route({
      method: ['GET', 'HEAD'],
      url: `/assets/${name}`,
      config: { auth: 'public' },
      handler: (request, reply) => send(request, reply, asset, false),
    })
    app.route<{ Params: { version: string } }>({
      method: ['GET', 'HEAD'],
      url: `/assets/:version/${name}`,
      config: { auth: 'public' },
      handler: (request, reply) =>
        send(request, reply, asset, request.params.version === ASSETS_VERSION),
    })
  }
}

function send(request: FastifyRequest, reply: FastifyReply, asset: Asset, isFixed: boolean) {
  reply.headers({
    etag: asset.etag,
    'cache-control': isFixed ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache',
  })
  if (hasEntityTag(request.headers['if-none-match'], asset.etag)) return reply.code(304).send()
  return reply.type(asset.type).send(asset.content)
}
