import { answers, Instant, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { type TString, Type } from 'typebox'
import type { SessionCheck } from '#src/app/sessions/session-check.ts'
import { TEXTS } from '#src/domain/texts.ts'
import type { Profile } from '#src/infra/postgres/profiles/profiles.ts'
import { changeProfile, findProfile, type ProfileDependencies, requireOwner } from './profiles.ts'

const OrNull = (schema: TString) => Type.Optional(Type.Union([schema, Type.Null()]))

const ProfileBody = Type.Object(
  {
    name: Type.Optional(WrittenText(TEXTS.name)),
    phone: OrNull(
      Type.String({ maxLength: 60, description: 'With country code; shown to its owner only.' }),
    ),
    country: OrNull(Type.String({ maxLength: 20, description: 'ISO 3166-1 alpha-2.' })),
    city: OrNull(WrittenText(TEXTS.city, { isOptional: true })),
    description: OrNull(WrittenText(TEXTS.description, { isOptional: true })),
    isBusiness: Type.Optional(Type.Boolean()),
  },
  {
    title: 'ProfileChanges',
    ...STRICT,
    description: 'What is absent stays as it is; null clears.',
  },
)

const TextOrNull = Type.Union([Type.String(), Type.Null()])

export const ProfileAnswer = Type.Object(
  {
    id: Uuid,
    userId: Uuid,
    name: Type.String(),
    country: TextOrNull,
    city: TextOrNull,
    description: TextOrNull,
    isBusiness: Type.Boolean(),
    emailVerified: Type.Boolean(),
    photoUrl: TextOrNull,
    rating: Type.Number({ description: 'This and the next four are 0 until there are any.' }),
    totalSales: Type.Integer(),
    activeListings: Type.Integer(),
    responseRate: Type.Number(),
    responseTime: Type.Number(),
    createdAt: Instant,
    updatedAt: Instant,
    phone: Type.Optional(TextOrNull),
    phoneVerified: Type.Optional(Type.Boolean({ description: 'With phone, for the owner only.' })),
  },
  { title: 'Profile' },
)

// Every text at its largest, also when its characters are escaped, which makes them three times as long.
const BODY_LIMIT_BYTES = 48 * 1024

const params = Type.Object({ id: Uuid })

export interface ProfileRoutesOptions extends ProfileDependencies {
  checkSession: SessionCheck
}

/** Profiles: everyone reads the public part, the owner reads and writes all. */
export async function profileRoutes(app: App, options: ProfileRoutesOptions): Promise<void> {
  const tags = ['profiles']

  app.get(
    '/api/v1/user-profiles/:id',
    {
      config: { auth: 'optional' },
      schema: {
        tags,
        operationId: 'getProfile',
        summary: 'A profile; the phone number is shown to its owner alone',
        params,
        response: answers({ 200: ProfileAnswer }),
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { caller } = request
      const isOwner = caller?.id === id
      // The phone number is for a caller whose session has not ended.
      if (isOwner) await options.checkSession(caller)
      reply.header('cache-control', 'no-store')
      return answerOf(await findProfile(options.db, id), isOwner)
    },
  )

  app.put(
    '/api/v1/user-profiles/:id',
    {
      config: { auth: 'bearer', access: 'owner', session: 'live' },
      bodyLimit: BODY_LIMIT_BYTES,
      schema: {
        tags,
        operationId: 'updateProfile',
        summary: 'Change your profile',
        params,
        body: ProfileBody,
        response: answers({ 200: ProfileAnswer }),
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { session } = request
      requireOwner(session, id)
      await changeProfile(options, session, request.body, request.trace)
      reply.header('cache-control', 'no-store')
      return answerOf(await findProfile(options.db, id), true)
    },
  )
}

/** Fields are named one by one, so that a new column is not public by mistake. */
export function answerOf(profile: Profile, isOwner: boolean) {
  const { id, name, country, city, description, isBusiness, emailVerified } = profile
  const { phone, phoneVerified, photoDigest } = profile
  const version = photoDigest?.toString('hex').slice(0, 16)
  return {
    id,
    userId: id,
    name,
    country,
    city,
    description,
    isBusiness,
    emailVerified,
    photoUrl: version === undefined ? null : `/api/v1/user-profiles/${id}/photo?v=${version}`,
    rating: 0,
    totalSales: 0,
    activeListings: 0,
    responseRate: 0,
    responseTime: 0,
    createdAt: profile.createdAt.toISOString(),
    updatedAt: profile.updatedAt.toISOString(),
    ...(isOwner ? { phone, phoneVerified } : {}),
  }
}
