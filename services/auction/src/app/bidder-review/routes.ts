import { answers, Instant, OneOf, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { MODERATORS } from '#src/app/item/moderators.ts'
import { FLAG_KINDS } from '#src/domain/review-flags.ts'
import { type ReviewFlag, readFlags } from '#src/infra/postgres/bidder-review/review-flags.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const Flags = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        kind: OneOf(FLAG_KINDS),
        userId: Uuid,
        sellerId: Type.Optional(Uuid),
        itemId: Type.Optional(Uuid),
        details: Type.Record(Type.String(), Type.Unknown()),
        firstSeenAt: Instant,
        lastSeenAt: Instant,
      }),
    ),
    page: Type.Integer(),
    pageSize: Type.Integer(),
    totalItems: Type.Integer(),
    totalPages: Type.Integer(),
  },
  { title: 'ReviewFlagList' },
)

/** Review flags, for moderators. */
export async function flagRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  app.get(
    '/api/v1/moderation/flags',
    {
      config: MODERATORS,
      schema: {
        tags: ['moderation'],
        operationId: 'listReviewFlags',
        summary: 'Bidders to look at, the latest first (moderators)',
        description:
          'Signals and no proof; nothing follows from them by itself. same_address: bidder and ' +
          'seller logged in from one network address, which is not shown.',
        querystring: Type.Object(
          {
            kind: Type.Optional(Type.Union(FLAG_KINDS.map((kind) => Type.Literal(kind)))),
            page: Type.Integer({ minimum: 1, maximum: 10_000, default: 1 }),
            limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
          },
          STRICT,
        ),
        response: answers({ 200: Flags }),
      },
    },
    async (request, reply) => {
      const { kind, page, limit } = request.query
      const { flags, totalItems } = await readFlags(db, { kind, limit, offset: (page - 1) * limit })
      reply.header('cache-control', 'no-store')
      return {
        items: flags.map(flagAnswer),
        page,
        pageSize: limit,
        totalItems,
        totalPages: Math.ceil(totalItems / limit),
      }
    },
  )
}

function flagAnswer({ kind, userId, subjectId, details, firstSeenAt, lastSeenAt }: ReviewFlag) {
  return {
    kind,
    userId,
    ...(kind === 'only_one_seller' || kind === 'same_address' ? { sellerId: subjectId } : {}),
    ...(kind === 'new_account_last_seconds' ? { itemId: subjectId } : {}),
    details,
    firstSeenAt: firstSeenAt.toISOString(),
    lastSeenAt: lastSeenAt.toISOString(),
  }
}
