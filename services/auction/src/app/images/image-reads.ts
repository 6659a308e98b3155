import { answers, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ImageAnswer, imageAnswer } from '#src/app/item/image-view.ts'
import { readVisibleItem } from '#src/app/item/visible-item.ts'
import { IMAGE_SIZES, IMAGES_MAX, objectKey } from '#src/domain/image.ts'
import { isPublic } from '#src/domain/item.ts'
import { imageErrors } from '#src/errors.ts'
import { readImages } from '#src/infra/postgres/images/item-images.ts'
import type { ImageDependencies } from './upload-image.ts'

const IMAGES = '/api/v1/items/:itemId/images'
/** How long a picture that a moderator took away may still be shown by caches. */
const CACHED_SECONDS = 3_600
const tags = ['images']

const ImagePage = Type.Object({
  items: Type.Array(ImageAnswer),
  page: Type.Integer(),
  pageSize: Type.Integer(),
  totalItems: Type.Integer(),
  totalPages: Type.Integer(),
})

/** Pictures as everybody sees them; those of a draft only for its seller. */
export function imageReadRoutes(app: App, dependencies: ImageDependencies): void {
  const { db, images: storage, log } = dependencies
  const readVisible = async (itemId: string, caller: FastifyRequest['caller']) => {
    const { item } = await readVisibleItem(db, itemId, caller)
    return { item, images: await readImages(db, itemId) }
  }
  app.get(
    IMAGES,
    {
      config: { auth: 'optional' },
      schema: {
        tags,
        summary: 'Pictures of an item in their order',
        params: Type.Object({ itemId: Uuid }),
        querystring: Type.Object({
          page: Type.Integer({ minimum: 1, maximum: IMAGES_MAX, default: 1 }),
          limit: Type.Integer({ minimum: 1, maximum: IMAGES_MAX, default: IMAGES_MAX }),
        }),
        response: answers({ 200: ImagePage }),
      },
    },
    async (request, reply) => {
      const { page, limit } = request.query
      reply.header('cache-control', 'no-store')
      const { images } = await readVisible(request.params.itemId, request.caller)
      return {
        items: images.slice((page - 1) * limit, page * limit).map(imageAnswer),
        page,
        pageSize: limit,
        totalItems: images.length,
        totalPages: Math.ceil(images.length / limit),
      }
    },
  )
  app.get(
    `${IMAGES}/:imageId/:size`,
    {
      config: { auth: 'optional' },
      schema: {
        tags,
        summary: 'A picture in one of its sizes, as WebP',
        params: Type.Object({
          itemId: Uuid,
          imageId: Uuid,
          size: Type.Union(IMAGE_SIZES.map((size) => Type.Literal(size))),
        }),
      },
    },
    async (request, reply) => {
      const { itemId, imageId, size } = request.params
      const { item, images } = await readVisible(itemId, request.caller)
      if (!images.some(({ id }) => id === imageId)) throw imageErrors.notFound()
      const etag = `"${imageId}.${size}"`
      // The bytes of an id never change. A draft's are for its seller alone: another person at the same
      // browser asks again.
      reply.headers({
        'cache-control': isPublic(item.status)
          ? `public, max-age=${CACHED_SECONDS}`
          : 'private, no-cache',
        etag,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
        'cross-origin-resource-policy': 'same-origin',
      })
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      const bytes = await storage.read(objectKey(imageId, size)).catch((err: unknown) => {
        log.warn({ err }, 'image storage does not answer')
      })
      if (bytes === undefined) {
        reply.header('cache-control', 'no-store').removeHeader('etag')
        throw imageErrors.storageUnavailable()
      }
      return reply.type('image/webp').send(bytes)
    },
  )
}
