import { hasEntityTag } from '@auction/common/http/entity-tag.ts'
import { ServiceError } from '@auction/common/http/errors.ts'
import { answers, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { IMAGE_BYTES_MAX } from '@auction/common/images/decode-image.ts'
import multipart from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { visitorOf } from '#src/app/visitors/visitor-of.ts'
import { identityErrors } from '#src/errors.ts'
import { readPhoto } from '#src/infra/postgres/profiles/profile-photos.ts'
import { admitUpload, changePhoto, type PhotoDependencies, removePhoto } from './profile-photos.ts'
import { answerOf, ProfileAnswer } from './profile-routes.ts'
import { findProfile, requireOwner } from './profiles.ts'

const params = Type.Object({ id: Uuid })

const Bytes = Type.Unsafe<Buffer>({ type: 'string', format: 'binary' })
const EmptyBody = Type.Unsafe<undefined>({ type: 'null' })

/** Caches ask again after a minute; the address in a profile changes with its photo anyway. */
const PHOTO_MAX_AGE_SECONDS = 60

/** Photos in profiles. Only these routes understand multipart bodies, and only these are large. */
export async function photoRoutes(app: App, options: PhotoDependencies): Promise<void> {
  await app.register(async (scope) => {
    await scope.register(multipart, {
      limits: {
        fileSize: IMAGE_BYTES_MAX,
        files: 1,
        fields: 0,
        parts: 1,
        headerPairs: 16,
        fieldNameSize: 100,
      },
    })
    await changingRoutes(scope as unknown as App, options)
  })
  await showingRoute(app, options)
}

async function changingRoutes(app: App, options: PhotoDependencies): Promise<void> {
  const schema = { tags: ['profiles'], params }

  // The second one is what older clients call.
  for (const [method, suffix, operationId] of [
    ['PUT', 'photo', 'setProfilePhoto'],
    ['POST', 'change-profile-photo', 'changeProfilePhoto'],
  ] as const) {
    app.route({
      method,
      url: `/api/v1/user-profiles/:id/${suffix}`,
      config: { auth: 'bearer', access: 'owner', session: 'live', upload: 'photo' },
      schema: {
        ...schema,
        operationId,
        summary: 'Change your photo: PNG, JPEG or WebP of at most 5 MB in the part "photo"',
        consumes: ['multipart/form-data'],
        response: answers({ 200: ProfileAnswer }),
      },
      handler: async (request, reply) => {
        const { id } = request.params as { id: string }
        const { session } = request
        requireOwner(session, id)
        await admitUpload(options, session, visitorOf(request))
        await changePhoto(options, session, await readUpload(request))
        reply.header('cache-control', 'no-store')
        return answerOf(await findProfile(options.db, id), true)
      },
    })
  }

  app.delete(
    '/api/v1/user-profiles/:id/photo',
    {
      config: { auth: 'bearer', access: 'owner', session: 'live' },
      schema: {
        ...schema,
        operationId: 'deleteProfilePhoto',
        summary: 'Remove your photo',
        response: answers({ 204: Type.Null() }),
      },
    },
    async (request, reply) => {
      const { session } = request
      requireOwner(session, request.params.id)
      await removePhoto(options, session)
      return reply.code(204).send(null)
    },
  )
}

async function showingRoute(app: App, { db }: PhotoDependencies): Promise<void> {
  app.get(
    '/api/v1/user-profiles/:id/photo',
    {
      config: { auth: 'public' },
      // Caches and previews of links ask for the head alone.
      exposeHeadRoute: true,
      schema: {
        tags: ['profiles'],
        operationId: 'getProfilePhoto',
        summary: 'The photo, as WebP of 512 by 512 pixels',
        params,
        querystring: Type.Object({ v: Type.Optional(Type.String({ maxLength: 64 })) }),
        produces: ['image/webp'],
        response: answers({ 200: Bytes, 304: EmptyBody }),
      },
    },
    async (request, reply) => {
      const photo = await readPhoto(db, request.params.id)
      if (photo === undefined) throw identityErrors.noPhoto()
      const etag = `"${photo.digest.toString('hex').slice(0, 32)}"`
      reply.headers({
        etag,
        'cache-control': `public, max-age=${PHOTO_MAX_AGE_SECONDS}`,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
      })
      if (hasEntityTag(request.headers['if-none-match'], etag)) return reply.code(304).send()
      return reply.type('image/webp').send(photo.content)
    },
  )
}

/** The one file there is, wholly in memory; the limits above bound it. */
async function readUpload(request: FastifyRequest): Promise<Buffer> {
  if (!request.isMultipart())
    throw identityErrors.invalidPhoto({ reason: 'send multipart/form-data' })
  try {
    const file = await request.file()
    if (file === undefined || file.fieldname !== 'photo')
      throw identityErrors.invalidPhoto({ field: 'photo' })
    return await file.toBuffer()
  } catch (error) {
    if (error instanceof ServiceError) throw error
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'FST_REQ_FILE_TOO_LARGE') throw identityErrors.photoTooLarge()
    // Any other failure of the parser means a malformed body; most have no code.
    throw identityErrors.invalidPhoto()
  }
}
