import type { FastifyRequest } from 'fastify'
import type { Notifications } from '#src/infra/http/notifications.ts'
import { viewerOf } from './viewer.ts'

export type PushSubscriptions = Pick<Notifications, 'listPushSubscriptions' | 'endPushSubscription'>

/**
 * Ends the notices in all browsers of the user, while there is a token that may. Logging out or leaving is more than
 * that, and goes on without it.
 */
export async function endPush(
  notifications: PushSubscriptions,
  request: FastifyRequest,
): Promise<void> {
  const { authorization } = viewerOf(request)
  if (authorization === undefined) return
  try {
    const subscriptions = await notifications.listPushSubscriptions(authorization)
    await Promise.all(
      subscriptions.map(({ id }) => notifications.endPushSubscription(id, authorization)),
    )
  } catch (error) {
    request.log.warn({ err: error }, 'notices in browsers could not be ended')
  }
}
