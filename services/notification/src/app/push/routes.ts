import { requestErrors } from '@auction/common/http/error-answers.ts'
import { answers, Instant, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { newId } from '@auction/common/ids.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { type OutgoingRules, readTarget } from '#src/domain/outgoing-address.ts'
import { optionalText, TEXTS } from '#src/domain/texts.ts'
import { notificationErrors, pushErrors } from '#src/errors.ts'
import {
  deleteSubscription,
  readSubscriptions,
  type Subscription,
  storeSubscription,
} from '#src/infra/postgres/push/subscriptions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { arePushKeys } from '#src/infra/push/push-request.ts'

export interface PushRouteOptions {
  db: Kysely<Database>
  rules: OutgoingRules
  /** Undefined: push is off. */
  publicKey: string | undefined
}

const NOTIFICATIONS = '/api/v1/notifications'
const SUBSCRIPTIONS = '/api/v1/push-subscriptions'
const SUBSCRIPTIONS_MAX = 20
const ENDPOINT_CHARACTERS_MAX = 2_000
const tags = ['push']

const SubscriptionBody = Type.Object(
  {
    endpoint: Type.String({ pattern: '^https?://[!-~]+$', maxLength: ENDPOINT_CHARACTERS_MAX }),
    expirationTime: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
    keys: Type.Object(
      {
        p256dh: Type.String({ pattern: '^[A-Za-z0-9_-]{87}=?$' }),
        auth: Type.String({ pattern: '^[A-Za-z0-9_-]{22}={0,2}$' }),
      },
      STRICT,
    ),
    label: Type.Optional(WrittenText(TEXTS.pushLabel, { isOptional: true })),
  },
  {
    ...STRICT,
    title: 'NewPushSubscription',
    description: 'As PushSubscription.toJSON() gives it.',
  },
)

const SubscriptionAnswer = Type.Object(
  { id: Uuid, label: Type.String(), createdAt: Instant, lastSuccessAt: Type.Optional(Instant) },
  { title: 'PushSubscription' },
)

/** Browsers that show notices of the caller. Without keys of ours there is no such thing. */
export async function pushRoutes(app: App, options: PushRouteOptions): Promise<void> {
  keyRoute(app, options)
  subscribeRoute(app, options)
  ownRoutes(app, options)
}

function keyRoute(app: App, { publicKey }: PushRouteOptions): void {
  app.get(
    `${NOTIFICATIONS}/push-key`,
    {
      config: { auth: 'public' },
      schema: {
        tags,
        operationId: 'getPushKey',
        summary: 'The key with which a browser subscribes (applicationServerKey)',
        response: answers(
          { 200: Type.Object({ publicKey: Type.String() }, { title: 'PushKey' }) },
          [404],
        ),
      },
    },
    async () => {
      if (publicKey === undefined) throw pushErrors.off()
      return { publicKey }
    },
  )
}

function subscribeRoute(app: App, { db, rules, publicKey }: PushRouteOptions): void {
  app.post(
    SUBSCRIPTIONS,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'subscribeToPush',
        summary: 'Show notices in this browser; again changes nothing',
        body: SubscriptionBody,
        response: answers({ 200: SubscriptionAnswer }, [404, 409, 422]),
      },
    },
    async ({ user, body: { endpoint, keys, label: given = '' } }, reply) => {
      if (publicKey === undefined) throw pushErrors.off()
      const read = readTarget(endpoint, rules)
      if (!read.ok) throw pushErrors.endpointRefused({ reason: read.code })
      if (!arePushKeys(keys)) throw requestErrors.invalidBody({ field: 'keys' })
      const label = optionalText(given, TEXTS.pushLabel)
      if (label === undefined) throw requestErrors.invalidBody({ field: 'label' })
      const about = { id: newId(), userId: user.id, endpoint, ...keys, label }
      const outcome = await db
        .transaction()
        .execute((tx) => storeSubscription(tx, about, SUBSCRIPTIONS_MAX))
      if (outcome.kind === 'departed') throw notificationErrors.unauthenticated()
      if (outcome.kind === 'too_many') throw pushErrors.tooMany({ limit: SUBSCRIPTIONS_MAX })
      reply.header('cache-control', 'no-store')
      return subscriptionAnswer(outcome.subscription)
    },
  )
}

function ownRoutes(app: App, { db }: PushRouteOptions): void {
  app.get(
    SUBSCRIPTIONS,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'listPushSubscriptions',
        summary: 'Your browsers that show notices, the oldest first',
        response: answers({
          200: Type.Object(
            { subscriptions: Type.Array(SubscriptionAnswer) },
            { title: 'PushSubscriptionList' },
          ),
        }),
      },
    },
    async ({ user }, reply) => {
      reply.header('cache-control', 'no-store')
      return { subscriptions: (await readSubscriptions(db, user.id)).map(subscriptionAnswer) }
    },
  )
  app.delete(
    `${SUBSCRIPTIONS}/:id`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'deletePushSubscription',
        summary: 'Show no more notices in a browser',
        params: Type.Object({ id: Uuid }),
        response: answers({ 204: Type.Null() }),
      },
    },
    async ({ user, params: { id } }, reply) => {
      if (!(await deleteSubscription(db, id, user.id))) throw pushErrors.notFound()
      return reply.code(204).send(null)
    },
  )
}

/** The endpoint and the keys stay here: who has them can send to that browser. */
const subscriptionAnswer = ({ id, label, createdAt, lastSuccessAt }: Subscription) => ({
  id,
  label,
  createdAt: createdAt.toISOString(),
  ...(lastSuccessAt === null ? {} : { lastSuccessAt: lastSuccessAt.toISOString() }),
})
