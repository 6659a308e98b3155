import { Instant, OneOf, Uuid } from '@auction/common/http/schemas.ts'
import { Type } from 'typebox'
import { WEBHOOK_EVENT_TYPES } from '#src/domain/webhook-events.ts'
import type { Endpoint } from '#src/infra/postgres/webhooks/endpoints.ts'

const description = 'Which events are sent; null: all, also those that come later.'

export const EventTypes = Type.Union(
  [
    Type.Array(OneOf(WEBHOOK_EVENT_TYPES), {
      minItems: 1,
      maxItems: WEBHOOK_EVENT_TYPES.length,
      uniqueItems: true,
    }),
    Type.Null(),
  ],
  { description },
)

// Without the list of types: a type that a newer version stored must be readable, and the serializer enforces the list
// in a union.
const StoredEventTypes = Type.Union([Type.Array(Type.String()), Type.Null()], { description })

export const EndpointFields = {
  id: Uuid,
  url: Type.String(),
  description: Type.String(),
  eventTypes: StoredEventTypes,
  state: OneOf(['active', 'paused', 'disabled']),
  disabledReason: Type.Optional(OneOf(['failing', 'gone'])),
  ratePerSecond: Type.Integer(),
  failingSince: Type.Optional(Instant),
  lastSuccessAt: Type.Optional(Instant),
  previousSecretUntil: Type.Optional(Instant),
  createdAt: Instant,
}

export const EndpointAnswer = Type.Object(EndpointFields, { title: 'WebhookEndpoint' })

/** An endpoint as its owner sees it. The secret is not in it: it is shown once. */
export function endpointAnswer(endpoint: Endpoint) {
  const { id, url, description, eventTypes, state, ratePerSecond, createdAt } = endpoint
  const { disabledReason, firstFailureAt, lastSuccessAt, previousSecretUntil } = endpoint
  const instant = (name: string, at: Date | null) =>
    at === null ? {} : { [name]: at.toISOString() }
  return {
    id,
    url,
    description,
    eventTypes,
    state,
    ...(disabledReason === null ? {} : { disabledReason }),
    ratePerSecond,
    ...instant('failingSince', firstFailureAt),
    ...instant('lastSuccessAt', lastSuccessAt),
    ...instant('previousSecretUntil', previousSecretUntil),
    createdAt: createdAt.toISOString(),
  }
}
