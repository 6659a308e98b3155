import { requestErrors } from '@auction/common/http/error-answers.ts'
import { answers, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { newId } from '@auction/common/ids.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import type { Kysely } from 'kysely'
import { type Static, Type } from 'typebox'
import { type OutgoingRules, readTarget, URL_CHARACTERS_MAX } from '#src/domain/outgoing-address.ts'
import { optionalText, TEXTS } from '#src/domain/texts.ts'
import { notificationErrors, webhookErrors } from '#src/errors.ts'
import {
  isWebhookSecret,
  newWebhookSecret,
  WEBHOOK_SECRET_PATTERN,
} from '#src/infra/crypto/webhook-signature.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  deleteEndpoint,
  insertEndpoint,
  readEndpoint,
  readEndpoints,
  replaceSecret,
  updateEndpoint,
} from '#src/infra/postgres/webhooks/endpoints.ts'
import { sealSecret } from './endpoint-secrets.ts'
import { EndpointAnswer, EndpointFields, EventTypes, endpointAnswer } from './endpoint-view.ts'
import { requireFreshProof } from './fresh-proof.ts'

export interface WebhookRouteOptions {
  db: Kysely<Database>
  box: SecretBox
  /** Which addresses may be called. */
  rules: OutgoingRules
}

export const ENDPOINTS = '/api/v1/webhook-endpoints'
export const ENDPOINT = `${ENDPOINTS}/:id`
export const tags = ['webhooks']
export const EndpointParams = Type.Object({ id: Uuid })

const ENDPOINTS_MAX = 10
const RATE_DEFAULT = 5
const RATE_MAX = 20
/** How long the secret before the present one still signs. */
const PREVIOUS_SECRET_HOURS = 24

const Url = Type.String({
  pattern: '^https?://[^\\s]+$',
  maxLength: URL_CHARACTERS_MAX,
  description: 'https, port 443 or above 1023, a public address',
})
const Secret = Type.String({
  pattern: WEBHOOK_SECRET_PATTERN,
  description: 'whsec_ and 24 to 64 bytes in base64; absent: one is made',
})
const Rate = Type.Integer({ minimum: 1, maximum: RATE_MAX, description: 'messages a second' })

const NewEndpointBody = Type.Object(
  {
    url: Url,
    description: Type.Optional(WrittenText(TEXTS.webhookDescription, { isOptional: true })),
    eventTypes: Type.Optional(EventTypes),
    ratePerSecond: Type.Optional(Rate),
    secret: Type.Optional(Secret),
  },
  { ...STRICT, title: 'NewWebhookEndpoint' },
)

const EndpointChangesBody = Type.Object(
  {
    url: Type.Optional(Url),
    description: Type.Optional(WrittenText(TEXTS.webhookDescription, { isOptional: true })),
    eventTypes: Type.Optional(EventTypes),
    ratePerSecond: Type.Optional(Rate),
    state: Type.Optional(
      Type.Unsafe<'active' | 'paused'>({ type: 'string', enum: ['active', 'paused'] }),
    ),
  },
  { ...STRICT, minProperties: 1, title: 'WebhookEndpointChanges' },
)

const SecretBody = Type.Object(
  { secret: Type.Optional(Secret) },
  { ...STRICT, title: 'NewWebhookSecret' },
)

const EndpointWithSecret = Type.Object(
  { ...EndpointFields, secret: Type.String({ description: 'Shown this once.' }) },
  { title: 'WebhookEndpointWithSecret' },
)

/** The addresses to which a user has events posted. */
export async function endpointRoutes(app: App, options: WebhookRouteOptions): Promise<void> {
  readRoutes(app, options)
  createRoute(app, options)
  changeRoutes(app, options)
  secretRoute(app, options)
}

function readRoutes(app: App, { db }: WebhookRouteOptions): void {
  app.get(
    ENDPOINTS,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'listWebhookEndpoints',
        summary: 'Your webhook endpoints, the oldest first',
        response: answers({
          200: Type.Object(
            { endpoints: Type.Array(EndpointAnswer) },
            { title: 'WebhookEndpointList' },
          ),
        }),
      },
    },
    async ({ user }, reply) => {
      reply.header('cache-control', 'no-store')
      return { endpoints: (await readEndpoints(db, user.id)).map(endpointAnswer) }
    },
  )
  app.get(
    ENDPOINT,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'getWebhookEndpoint',
        summary: 'One of your webhook endpoints',
        params: EndpointParams,
        response: answers({ 200: EndpointAnswer }),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const endpoint = await readEndpoint(db, id, user.id)
      if (endpoint === undefined) throw webhookErrors.notFound()
      reply.header('cache-control', 'no-store')
      return endpointAnswer(endpoint)
    },
  )
}

function createRoute(app: App, { db, box, rules }: WebhookRouteOptions): void {
  app.post(
    ENDPOINTS,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'createWebhookEndpoint',
        summary: 'Have events posted to an address; asks for a fresh proof',
        body: NewEndpointBody,
        response: answers({ 201: EndpointWithSecret }, [403, 409, 422]),
      },
    },
    async ({ user, body }, reply) => {
      requireFreshProof(user)
      const url = readUrl(body.url, rules)
      const secret = readSecret(body.secret)
      const id = newId()
      const outcome = await db.transaction().execute((tx) =>
        insertEndpoint(
          tx,
          {
            id,
            userId: user.id,
            url,
            description: readDescription(body.description) ?? '',
            eventTypes: body.eventTypes ?? null,
            ratePerSecond: body.ratePerSecond ?? RATE_DEFAULT,
            secret: sealSecret(box, id, secret),
          },
          ENDPOINTS_MAX,
        ),
      )
      if (outcome.kind === 'departed') throw notificationErrors.unauthenticated()
      if (outcome.kind === 'too_many') throw webhookErrors.tooMany({ limit: ENDPOINTS_MAX })
      reply.code(201).header('cache-control', 'no-store')
      return { ...endpointAnswer(outcome.endpoint), secret }
    },
  )
}

function changeRoutes(app: App, { db, rules }: WebhookRouteOptions): void {
  app.patch(
    ENDPOINT,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'updateWebhookEndpoint',
        summary: 'Change, pause or resume an endpoint; another address asks for a fresh proof',
        params: EndpointParams,
        body: EndpointChangesBody,
        response: answers({ 200: EndpointAnswer }, [403, 422]),
      },
    },
    async ({ user, params: { id }, body }, reply) => {
      if (body.url !== undefined) requireFreshProof(user)
      const changes = {
        ...body,
        url: body.url === undefined ? undefined : readUrl(body.url, rules),
        description: readDescription(body.description),
      }
      const endpoint = await updateEndpoint(db, { id, userId: user.id }, changes)
      if (endpoint === undefined) throw webhookErrors.notFound()
      reply.header('cache-control', 'no-store')
      return endpointAnswer(endpoint)
    },
  )
  app.delete(
    ENDPOINT,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'deleteWebhookEndpoint',
        summary: 'Delete an endpoint with its log',
        params: EndpointParams,
        response: answers({ 204: Type.Null() }),
      },
    },
    async ({ user, params: { id } }, reply) => {
      if (!(await deleteEndpoint(db, id, user.id))) throw webhookErrors.notFound()
      return reply.code(204).send(null)
    },
  )
}

function secretRoute(app: App, { db, box }: WebhookRouteOptions): void {
  app.post(
    `${ENDPOINT}/secret`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'rotateWebhookSecret',
        summary:
          'Replace the secret; the one before signs as well for 24 hours; asks for a fresh proof',
        params: EndpointParams,
        body: SecretBody,
        response: answers({ 200: EndpointWithSecret }, [403]),
      },
    },
    async ({ user, params: { id }, body }, reply) => {
      requireFreshProof(user)
      const secret = readSecret(body.secret)
      const sealed = sealSecret(box, id, secret)
      const endpoint = await replaceSecret(
        db,
        { id, userId: user.id },
        sealed,
        PREVIOUS_SECRET_HOURS,
      )
      if (endpoint === undefined) throw webhookErrors.notFound()
      reply.header('cache-control', 'no-store')
      return { ...endpointAnswer(endpoint), secret }
    },
  )
}

function readUrl(text: string, rules: OutgoingRules): string {
  const read = readTarget(text, rules)
  if (!read.ok) throw webhookErrors.urlRefused({ reason: read.code })
  return text
}

function readSecret(given: string | undefined): string {
  if (given === undefined) return newWebhookSecret()
  if (isWebhookSecret(given)) return given
  throw requestErrors.invalidBody({ field: 'secret', reason: 'not 24 to 64 bytes in base64' })
}

function readDescription(given: Static<typeof NewEndpointBody>['description']): string | undefined {
  if (given === undefined) return undefined
  const text = optionalText(given, TEXTS.webhookDescription)
  if (text === undefined) throw requestErrors.invalidBody({ field: 'description' })
  return text
}
