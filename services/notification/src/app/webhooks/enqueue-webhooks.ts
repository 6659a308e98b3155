import { newId } from '@auction/common/ids.ts'
import type { Transaction } from 'kysely'
import type { NewNotice } from '#src/domain/notices.ts'
import { eventBody, eventTypeOf, takes } from '#src/domain/webhook-events.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readActiveEndpointsOf } from '#src/infra/postgres/webhooks/endpoints.ts'
import { insertMessages, type NewMessage } from '#src/infra/postgres/webhooks/messages.ts'

/**
 * Queues a message for each of these notices and each active endpoint of its user that takes the event. It is
 * called with the notices that are new, in their transaction: an event that comes again sends nothing.
 */
export async function enqueueWebhooks(
  tx: Transaction<Database>,
  notices: readonly NewNotice[],
): Promise<void> {
  const published = notices.filter(({ template }) => eventTypeOf(template) !== undefined)
  if (published.length === 0) return
  const userIds = [...new Set(published.map(({ userId }) => userId))]
  const endpoints = Map.groupBy(await readActiveEndpointsOf(tx, userIds), ({ userId }) => userId)
  const messages = published.flatMap((notice): NewMessage[] => {
    const eventType = eventTypeOf(notice.template) ?? ''
    const takers = (endpoints.get(notice.userId) ?? []).filter(({ eventTypes }) =>
      takes(eventTypes, eventType),
    )
    if (takers.length === 0) return []
    const payload = eventBody(notice, notice.happenedAt ?? new Date()) ?? ''
    return takers.map(({ id }) => ({ id: newId(), endpointId: id, eventType, payload }))
  })
  await insertMessages(tx, messages)
}
