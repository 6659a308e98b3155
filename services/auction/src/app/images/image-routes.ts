import { hasEntityTag } from '@auction/common/http/entity-tag.ts'
import { answers, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { IMAGE_BYTES_MAX } from '@auction/common/images/decode-image.ts'
import fastifyMultipart from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { describeCommandOf } from '#src/app/item/editable-item.ts'
import { ImageAnswer, imageAnswer } from '#src/app/item/image-view.ts'
import { readVisibleItem } from '#src/app/item/visible-item.ts'
import { IMAGE_SIZES, IMAGES_MAX, objectKey } from '#src/domain/image.ts'
import { isPublic } from '#src/domain/item.ts'
import { optionalText, TEXTS } from '#src/domain/texts.ts'
import { imageErrors } from '#src/errors.ts'
import { readImages } from '#src/infra/postgres/images/item-images.ts'
import { changeAltText, removeImage, reorderImages } from './change-images.ts'
import { copyImages } from './copy-images.ts'
import { expectEditable, expectRoom, type ImageDependencies, uploadImage } from './upload-image.ts'

const IMAGES = '/api/v1/items/:itemId/images'
/** How long caches may still show an image that a moderator removed. */
const CACHED_SECONDS = 3_600
const tags = ['images']
const params = Type.Object({ itemId: Uuid })
const imageParams = Type.Object({ itemId: Uuid, imageId: Uuid })
const ImagePage = Type.Object(
  {
    items: Type.Array(ImageAnswer),
    page: Type.Integer(),
    pageSize: Type.Integer(),
    totalItems: Type.Integer(),
    totalPages: Type.Integer(),
  },
  { title: 'ImagePage' },
)
const ImageList = Type.Object({ items: Type.Array(ImageAnswer) }, { title: 'ImageList' })

const Bytes = Type.Unsafe<Buffer>({ type: 'string', format: 'binary' })
const EmptyBody = Type.Unsafe<undefined>({ type: 'null' })

/** Images of items. Only the seller writes; under bids images can only be added. */
export async function imageRoutes(app: App, dependencies: ImageDependencies): Promise<void> {
  readRoutes(app, dependencies)
  changeRoutes(app, dependencies)
  copyRoute(app, dependencies)
  // In a scope of its own, because every other route would accept multipart bodies otherwise.
  await app.register(async (scope: App) => {
    await scope.register(fastifyMultipart, {
      throwFileSizeLimit: true,
      limits: {
        fileSize: IMAGE_BYTES_MAX,
        files: 1,
        fields: 0,
        parts: 1,
        fieldNameSize: 100,
        headerPairs: 20,
      },
    })
    uploadRoute(scope, dependencies)
  })
}

/** Reads images. Those of a draft are for its seller only. */
function readRoutes(app: App, dependencies: ImageDependencies): void {
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
        operationId: 'listItemImages',
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
      // Caches and previews of links ask for the head alone.
      exposeHeadRoute: true,
      schema: {
        tags,
        operationId: 'getItemImage',
        summary: 'A picture in one of its sizes, as WebP',
        params: Type.Object({
          itemId: Uuid,
          imageId: Uuid,
          size: Type.Union(IMAGE_SIZES.map((size) => Type.Literal(size))),
        }),
        produces: ['image/webp'],
        response: answers({ 200: Bytes, 304: EmptyBody }),
      },
    },
    async (request, reply) => {
      const { itemId, imageId, size } = request.params
      const { item, images } = await readVisible(itemId, request.caller)
      if (!images.some(({ id }) => id === imageId)) throw imageErrors.notFound()
      const etag = `"${imageId}.${size}"`
      // The bytes of an id never change. Those of a draft are for its seller only, so another user of the
      // same browser must ask again.
      reply.headers({
        'cache-control': isPublic(item.status)
          ? `public, max-age=${CACHED_SECONDS}`
          : 'private, no-cache',
        etag,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
        'cross-origin-resource-policy': 'same-origin',
      })
      if (hasEntityTag(request.headers['if-none-match'], etag)) return reply.code(304).send()
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

function uploadRoute(app: App, dependencies: ImageDependencies): void {
  app.post(
    IMAGES,
    {
      config: { auth: 'bearer', access: 'owner', upload: 'image' },
      schema: {
        tags,
        params,
        operationId: 'uploadItemImage',
        summary: 'Add a picture: PNG, JPEG or WebP, up to 5 MB',
        consumes: ['multipart/form-data'],
        querystring: Type.Object(
          {
            once: Type.Boolean({
              default: false,
              description:
                'The same file again answers the picture that the item has, and adds none: for what is sent again after a lost answer.',
            }),
          },
          STRICT,
        ),
        response: answers({ 201: ImageAnswer }, [409, 422]),
      },
    },
    async (request, reply) => {
      const command = describeCommandOf(request, request.params.itemId)
      const isOnce = request.query.once
      // A full item may have this very picture, which only its bytes can say.
      if (!isOnce) await expectRoom(dependencies, command)
      else await expectEditable(dependencies, command)
      const bytes = await readUpload(request)
      const image = await uploadImage(dependencies, { ...command, bytes, isOnce })
      reply.code(201)
      return imageAnswer(image)
    },
  )
}

function copyRoute(app: App, dependencies: ImageDependencies): void {
  app.post(
    `${IMAGES}/copies`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        params,
        operationId: 'copyItemImages',
        summary: 'Copy the pictures of another item of yours, with what they show',
        description: 'An item that has pictures keeps those, so asking again changes nothing.',
        body: Type.Object({ fromItemId: Uuid }, { ...STRICT, title: 'ImageCopies' }),
        response: answers({ 200: ImageList }, [409, 422]),
      },
    },
    async (request) => {
      const command = describeCommandOf(request, request.params.itemId)
      const { fromItemId } = request.body
      const images = await copyImages(dependencies, { ...command, fromItemId })
      return { items: images.map(imageAnswer) }
    },
  )
}

function changeRoutes(app: App, dependencies: ImageDependencies): void {
  app.put(
    `${IMAGES}/order`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        params,
        operationId: 'reorderItemImages',
        summary: 'Put the pictures into a new order',
        body: Type.Object(
          { ids: Type.Array(Uuid, { maxItems: IMAGES_MAX }) },
          { ...STRICT, title: 'ImageOrder' },
        ),
        response: answers({ 200: ImageList }, [409]),
      },
    },
    async (request) => {
      const command = describeCommandOf(request, request.params.itemId)
      const images = await reorderImages(dependencies, command, request.body.ids)
      return { items: images.map(imageAnswer) }
    },
  )
  app.patch(
    `${IMAGES}/:imageId`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'updateItemImage',
        summary: 'Say what a picture shows',
        params: imageParams,
        body: Type.Object(
          // One line, since it is read out.
          { alt_text: WrittenText(TEXTS.imageAltText, { isOptional: true }) },
          { ...STRICT, title: 'ImageChanges' },
        ),
        response: answers({ 200: ImageAnswer }, [409]),
      },
    },
    async (request) => {
      const { itemId, imageId } = request.params
      const command = describeCommandOf(request, itemId)
      const altText = optionalText(request.body.alt_text, TEXTS.imageAltText)
      if (altText === undefined) throw imageErrors.altTextInvalid({ field: 'alt_text' })
      return imageAnswer(await changeAltText(dependencies, command, imageId, altText))
    },
  )
  app.delete(
    `${IMAGES}/:imageId`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'deleteItemImage',
        summary: 'Delete a picture',
        params: imageParams,
        response: answers({ 204: Type.Null() }, [409]),
      },
    },
    async (request, reply) => {
      const { itemId, imageId } = request.params
      await removeImage(dependencies, describeCommandOf(request, itemId), imageId)
      return reply.code(204).send(null)
    },
  )
}

/** The bytes of the one file. Its name and content type are ignored: the bytes decide. */
async function readUpload(request: FastifyRequest): Promise<Buffer> {
  let bytes: Buffer | undefined
  try {
    for await (const part of request.parts()) {
      if (part.type === 'file' && part.fieldname === 'image') bytes = await part.toBuffer()
      else throw imageErrors.invalid({ field: part.fieldname })
    }
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'FST_REQ_FILE_TOO_LARGE') throw imageErrors.tooLarge()
    // Any other failure of the parser means a malformed body.
    throw imageErrors.invalid()
  }
  if (bytes === undefined) throw imageErrors.invalid()
  return bytes
}
