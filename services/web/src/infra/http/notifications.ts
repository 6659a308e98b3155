import { type Static, Type } from 'typebox'
import { type ServiceAnswer, UpstreamError } from './service-client.ts'
import type { Services } from './services.ts'
import { Instant } from './shapes.ts'

const Notice = Type.Object({
  id: Type.String(),
  template: Type.String(),
  category: Type.String(),
  title: Type.String(),
  body: Type.String(),
  path: Type.String(),
  data: Type.Record(Type.String(), Type.String()),
  createdAt: Instant,
  readAt: Type.Optional(Instant),
})
const Inbox = Type.Object({
  notifications: Type.Array(Notice),
  nextCursor: Type.Optional(Type.String()),
  unreadCount: Type.Integer(),
})
const Unread = Type.Object({ unreadCount: Type.Integer() })

const Preferences = Type.Object({
  language: Type.String(),
  timeZone: Type.String(),
  quietHours: Type.Optional(Type.Object({ from: Type.String(), until: Type.String() })),
  choices: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())),
  locked: Type.Array(Type.Object({ category: Type.String(), channel: Type.String() })),
})

const PushKey = Type.Object({ publicKey: Type.String() })
const Subscriptions = Type.Object({
  subscriptions: Type.Array(
    Type.Object({ id: Type.String(), label: Type.String(), createdAt: Instant }),
  ),
})

export type NoticeView = Static<typeof Notice>
export type InboxView = Static<typeof Inbox>
export type NoticePreferencesView = Static<typeof Preferences>
export type PushSubscriptionView = Static<typeof Subscriptions>['subscriptions'][number]

type Authorization = string | undefined

/** What a user is notified of, and how. */
export interface Notifications {
  readInbox(query: Record<string, string>, as: Authorization): Promise<InboxView>
  countUnread(as: Authorization): Promise<number>
  markRead(id: string, as: Authorization): Promise<ServiceAnswer>
  markAllRead(upTo: string, as: Authorization): Promise<ServiceAnswer>
  readPreferences(as: Authorization): Promise<NoticePreferencesView>
  changePreferences(change: object, as: Authorization): Promise<ServiceAnswer>
  /** Undefined: this installation has no push. */
  readPushKey(): Promise<string | undefined>
  listPushSubscriptions(as: Authorization): Promise<PushSubscriptionView[]>
  endPushSubscription(id: string, as: Authorization): Promise<ServiceAnswer>
}

const INBOX = '/api/v1/notifications'
const PUSH = '/api/v1/push-subscriptions'

export function createNotifications({ notification: service }: Services): Notifications {
  const needed = async <T>(reading: Promise<T | undefined>): Promise<T> => {
    const read = await reading
    if (read === undefined) throw new UpstreamError('a list is not there')
    return read
  }
  return {
    readInbox: (query, as) =>
      needed(service.read(`${INBOX}?${new URLSearchParams(query)}`, Inbox, as)),
    countUnread: async (as) =>
      (await needed(service.read(`${INBOX}?limit=1`, Unread, as))).unreadCount,
    markRead: (id, authorization) =>
      service.send('POST', `${INBOX}/${encodeURIComponent(id)}/read`, { authorization }),
    markAllRead: (upTo, authorization) =>
      service.send('POST', `${INBOX}/read`, { body: { upTo }, authorization }),
    readPreferences: (as) => needed(service.read(`${INBOX}/preferences`, Preferences, as)),
    changePreferences: (body, authorization) =>
      service.send('PATCH', `${INBOX}/preferences`, { body, authorization }),
    readPushKey: async () => (await service.read(`${INBOX}/push-key`, PushKey))?.publicKey,
    listPushSubscriptions: async (as) =>
      (await needed(service.read(PUSH, Subscriptions, as))).subscriptions,
    endPushSubscription: (id, authorization) =>
      service.send('DELETE', `${PUSH}/${encodeURIComponent(id)}`, { authorization }),
  }
}
