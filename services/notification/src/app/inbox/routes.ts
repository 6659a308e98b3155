import { answers, Instant, OneOf, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { LANGUAGES, type Language, noticeText, type Reader } from '#src/domain/notice-text.ts'
import { CATEGORIES, kindOf, TEMPLATES } from '#src/domain/notices.ts'
import { isTimeZone } from '#src/domain/zone-time.ts'
import { notificationErrors } from '#src/errors.ts'
import {
  countUnread,
  type InboxNotice,
  type InboxPosition,
  markRead,
  markReadUpTo,
  readInbox,
  UNREAD_COUNTED_MAX,
} from '#src/infra/postgres/inbox/inbox.ts'
import { readReader } from '#src/infra/postgres/readers/readers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const INBOX = '/api/v1/notifications'
const tags = ['notifications']

// Milliseconds and an id: where the page before ended.
const CURSOR = '^[0-9]{1,14}\\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'

const ListQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    cursor: Type.Optional(Type.String({ pattern: CURSOR })),
    unread: Type.Boolean({ default: false, description: 'Only those that are not read.' }),
    language: Type.Optional(
      Type.Unsafe<Language>({
        type: 'string',
        enum: [...LANGUAGES],
        description: 'Absent: that of your preferences.',
      }),
    ),
    timeZone: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z][A-Za-z0-9_+/-]{0,63}$',
        description: 'IANA name; absent or not known: that of your preferences.',
      }),
    ),
  },
  STRICT,
)

const UnreadCount = Type.Integer({
  minimum: 0,
  maximum: UNREAD_COUNTED_MAX,
  description: `${UNREAD_COUNTED_MAX.toLocaleString('en')} stands for more as well.`,
})

const Notification = Type.Object(
  {
    id: Uuid,
    template: OneOf(TEMPLATES),
    category: OneOf(CATEGORIES),
    title: Type.String(),
    body: Type.String(),
    path: Type.String({ description: 'Where on the platform it leads.' }),
    data: Type.Record(Type.String(), Type.String(), {
      description: 'Ids, names and amounts that title and body are made of.',
    }),
    createdAt: Instant,
    readAt: Type.Optional(Instant),
  },
  { title: 'Notification' },
)

const NotificationList = Type.Object(
  {
    notifications: Type.Array(Notification),
    nextCursor: Type.Optional(Type.String()),
    unreadCount: UnreadCount,
  },
  { title: 'NotificationList' },
)

const Unread = Type.Object({ unreadCount: UnreadCount }, { title: 'UnreadNotifications' })

const ReadBody = Type.Object({ upTo: Uuid }, { ...STRICT, title: 'ReadNotifications' })

/** The inbox of the caller, in the language and zone that the caller chose. */
export async function inboxRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  app.get(
    INBOX,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'listNotifications',
        summary: 'Your notifications, the latest first',
        querystring: ListQuery,
        response: answers({ 200: NotificationList }),
      },
    },
    async ({ user, query: { limit, cursor, unread, language, timeZone } }, reply) => {
      const page = { after: cursor === undefined ? undefined : readCursor(cursor) }
      // One extra row shows whether there is a next page.
      const read = await readInbox(db, user.id, {
        ...page,
        limit: limit + 1,
        isUnreadOnly: unread,
      })
      const reader = withWishes(await readReader(db, user.id), { language, timeZone })
      const shown = read.slice(0, limit)
      const last = shown.at(-1)
      reply.header('cache-control', 'no-store')
      return {
        notifications: shown.filter(isKnown).map((notice) => notificationOf(notice, reader)),
        ...(last === undefined || read.length <= limit ? {} : { nextCursor: writeCursor(last) }),
        unreadCount: await countUnread(db, user.id),
      }
    },
  )
  readRoutes(app, db)
}

function readRoutes(app: App, db: Kysely<Database>): void {
  app.post(
    `${INBOX}/:id/read`,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'readNotification',
        summary: 'Mark a notification as read; again changes nothing',
        params: Type.Object({ id: Uuid }),
        response: answers({ 200: Unread }),
      },
    },
    async ({ user, params: { id } }) => {
      if (!(await markRead(db, user.id, id))) throw notificationErrors.notFound()
      return { unreadCount: await countUnread(db, user.id) }
    },
  )
  app.post(
    `${INBOX}/read`,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'readNotifications',
        summary: 'Mark a notification and all before it as read',
        body: ReadBody,
        response: answers({ 200: Unread }, [404]),
      },
    },
    async ({ user, body: { upTo } }) => {
      if (!(await markReadUpTo(db, user.id, upTo))) throw notificationErrors.notFound()
      return { unreadCount: await countUnread(db, user.id) }
    },
  )
}

/** A page shows notices as all else on it, whatever the mails are written in. */
const withWishes = (
  reader: Reader,
  { language, timeZone }: { language: Language | undefined; timeZone: string | undefined },
): Reader => ({
  language: language ?? reader.language,
  timeZone: timeZone !== undefined && isTimeZone(timeZone) ? timeZone : reader.timeZone,
})

/** A version that is newer than this one may have shown others, before it was taken back. */
const isKnown = ({ template }: InboxNotice) => TEMPLATES.includes(template)

function notificationOf(notice: InboxNotice, reader: Reader) {
  const { id, template, data, happenedAt, readAt } = notice
  return {
    id,
    template,
    category: kindOf(template).category,
    ...noticeText(template, data, reader),
    data: { ...data },
    createdAt: happenedAt.toISOString(),
    ...(readAt === null ? {} : { readAt: readAt.toISOString() }),
  }
}

const writeCursor = ({ shownAt, id }: InboxPosition) => `${shownAt.getTime()}.${id}`

function readCursor(cursor: string): InboxPosition {
  const [shownMs = '', id = ''] = cursor.split('.')
  return { shownAt: new Date(Number(shownMs)), id }
}
