import { answers, Instant, OneOf, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { newId } from '@auction/common/ids.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { TEST_EVENT, testBody } from '#src/domain/webhook-events.ts'
import { webhookErrors } from '#src/errors.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { type Endpoint, readEndpoint } from '#src/infra/postgres/webhooks/endpoints.ts'
import {
  countTests,
  insertMessages,
  type LoggedMessage,
  readMessages,
  replayFailed,
  replayMessage,
} from '#src/infra/postgres/webhooks/messages.ts'
import { ENDPOINT, EndpointParams, tags, type WebhookRouteOptions } from './endpoint-routes.ts'

// With the whole of their answers a page of these is some megabytes at most.
const PAGE_MAX = 25
const ATTEMPTS_MAX = 10
const REPLAYED_MAX = 10_000
const TESTS = { seconds: 60, limit: 10 }

const Attempt = Type.Object(
  {
    attempt: Type.Integer(),
    startedAt: Instant,
    milliseconds: Type.Integer(),
    status: Type.Optional(Type.Integer()),
    error: Type.Optional(Type.String({ description: 'Why there was no answer, a stable code.' })),
    answer: Type.Optional(Type.String({ description: 'The first 8 KB.' })),
  },
  { title: 'WebhookAttempt' },
)

const Delivery = Type.Object(
  {
    messageId: Uuid,
    eventType: Type.String(),
    payload: Type.String({ description: 'The body that is sent and signed.' }),
    state: OneOf(['queued', 'sending', 'delivered', 'failed']),
    nextAttemptAt: Type.Optional(Instant),
    createdAt: Instant,
    attempts: Type.Array(Attempt, { description: `The latest ${ATTEMPTS_MAX}, the oldest first.` }),
  },
  { title: 'WebhookDelivery' },
)

const DeliveryList = Type.Object(
  { deliveries: Type.Array(Delivery), nextCursor: Type.Union([Uuid, Type.Null()]) },
  { title: 'WebhookDeliveryList' },
)

const Queued = Type.Object({ messageId: Uuid }, { title: 'QueuedWebhook' })

/** Test events, the log of deliveries, and sending them again. */
export async function deliveryRoutes(
  app: App,
  { db }: Pick<WebhookRouteOptions, 'db'>,
): Promise<void> {
  testRoute(app, db)
  logRoute(app, db)
  replayRoutes(app, db)
}

async function ownEndpoint(db: Kysely<Database>, id: string, userId: string): Promise<Endpoint> {
  const endpoint = await readEndpoint(db, id, userId)
  if (endpoint === undefined) throw webhookErrors.notFound()
  return endpoint
}

/** One that is paused keeps what is queued; one that is disabled is sent nothing. */
async function enabledEndpoint(
  db: Kysely<Database>,
  id: string,
  userId: string,
): Promise<Endpoint> {
  const endpoint = await ownEndpoint(db, id, userId)
  if (endpoint.state === 'disabled') throw webhookErrors.disabled()
  return endpoint
}

function testRoute(app: App, db: Kysely<Database>): void {
  app.post(
    `${ENDPOINT}/test`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'testWebhookEndpoint',
        summary: 'Send the event test.v1, whatever the filter is',
        params: EndpointParams,
        response: answers({ 202: Queued }, [409]),
      },
    },
    async ({ user, params: { id } }, reply) => {
      await enabledEndpoint(db, id, user.id)
      if ((await countTests(db, id, TESTS)) >= TESTS.limit) throw webhookErrors.tooManyTests()
      const messageId = newId()
      const payload = testBody(id, new Date())
      await insertMessages(db, [{ id: messageId, endpointId: id, eventType: TEST_EVENT, payload }])
      reply.code(202)
      return { messageId }
    },
  )
}

function logRoute(app: App, db: Kysely<Database>): void {
  app.get(
    `${ENDPOINT}/deliveries`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'listWebhookDeliveries',
        summary: 'What was sent to an endpoint in the last 30 days, the newest first',
        params: EndpointParams,
        querystring: Type.Object(
          {
            cursor: Type.Optional(Uuid),
            limit: Type.Integer({ minimum: 1, maximum: PAGE_MAX, default: PAGE_MAX }),
          },
          STRICT,
        ),
        response: answers({ 200: DeliveryList }),
      },
    },
    async ({ user, params: { id }, query: { cursor, limit } }, reply) => {
      await ownEndpoint(db, id, user.id)
      const found = await readMessages(db, id, {
        before: cursor,
        limit: limit + 1,
        attemptsMax: ATTEMPTS_MAX,
      })
      const page = found.slice(0, limit)
      reply.header('cache-control', 'no-store')
      return {
        deliveries: page.map(deliveryAnswer),
        nextCursor: found.length > limit ? (page.at(-1)?.id ?? null) : null,
      }
    },
  )
}

function replayRoutes(app: App, db: Kysely<Database>): void {
  app.post(
    `${ENDPOINT}/deliveries/:messageId/replay`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'replayWebhookDelivery',
        summary: 'Send a message again with the same webhook-id, from the start of the schedule',
        params: Type.Object({ id: Uuid, messageId: Uuid }),
        response: answers({ 202: Queued }, [409]),
      },
    },
    async ({ user, params: { id, messageId } }, reply) => {
      await enabledEndpoint(db, id, user.id)
      const outcome = await replayMessage(db, id, messageId)
      if (outcome === 'not_found') throw webhookErrors.deliveryNotFound()
      if (outcome === 'in_progress') throw webhookErrors.inProgress()
      reply.code(202)
      return { messageId }
    },
  )
  app.post(
    `${ENDPOINT}/replay`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'replayWebhookFailures',
        summary: 'Send again what failed since an instant, the oldest first',
        params: EndpointParams,
        body: Type.Object({ since: Instant }, { ...STRICT, title: 'WebhookReplay' }),
        response: answers(
          {
            202: Type.Object(
              {
                queued: Type.Integer({
                  description: `At most ${REPLAYED_MAX}; ask again for more.`,
                }),
              },
              { title: 'QueuedWebhooks' },
            ),
          },
          [409],
        ),
      },
    },
    async ({ user, params: { id }, body: { since } }, reply) => {
      await enabledEndpoint(db, id, user.id)
      const queued = await replayFailed(db, id, new Date(since), REPLAYED_MAX)
      reply.code(202)
      return { queued }
    },
  )
}

function deliveryAnswer(message: LoggedMessage) {
  const { id, eventType, payload, state, dueAt, createdAt, attempts } = message
  return {
    messageId: id,
    eventType,
    payload,
    state,
    ...(state === 'queued' ? { nextAttemptAt: dueAt.toISOString() } : {}),
    createdAt: createdAt.toISOString(),
    attempts: attempts.map(({ attempt, startedAt, milliseconds, status, error, answer }) => ({
      attempt,
      startedAt: startedAt.toISOString(),
      milliseconds,
      ...(status === null ? {} : { status }),
      ...(error === null ? {} : { error }),
      ...(answer === null ? {} : { answer }),
    })),
  }
}
