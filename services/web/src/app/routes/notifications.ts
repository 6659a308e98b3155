import { UUID } from '@auction/common/ids.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { fieldOf, trimmedOf } from '#src/app/forms.ts'
import { keepForm } from '#src/app/kept-forms.ts'
import { ownRoutes } from '#src/app/own-routes.ts'
import { pagePolicy } from '#src/app/page-policy.ts'
import { notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import { inboxPage } from '#src/app/pages/notifications/inbox-page.ts'
import {
  CATEGORIES,
  CHANNELS,
  CHOICES,
  settingsPage,
} from '#src/app/pages/notifications/settings-page.ts'
import { type Notes, saidIn } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { deviceName } from '#src/domain/device-name.ts'
import { type Problem, problemOf, type Refusal } from '#src/domain/problem-text.ts'
import type { NoticePreferencesView, Notifications } from '#src/infra/http/notifications.ts'
import { orAway, type ServiceAnswer } from '#src/infra/http/service-client.ts'

const NOTICES_SHOWN = 20
/** The script of the settings names one script itself: that which shows notices while no page is open. */
const PUSH_POLICY = pagePolicy({ 'trusted-types': 'push-worker' })
const CURSOR = /^\d{1,14}\.[0-9a-f-]{36}$/

/** The inbox, and how its user is notified besides. */
export function notificationRoutes(pages: PageRoutes, notifications: Notifications): void {
  const own = ownRoutes(pages)

  own.get('/notifications', (viewer, { query }) => showInbox(notifications, viewer, query))

  own.post('/notifications/read', async (viewer, { body }) => {
    const upTo = fieldOf(body, 'upTo')
    if (!UUID.test(upTo)) return notFound(viewer)
    const answer = await notifications.markAllRead(upTo, viewer.authorization)
    return afterReading(notifications, viewer, answer)
  })
  own.post('/notifications/:id/read', async (viewer, { params }) => {
    const { id } = params as { id: string }
    if (!UUID.test(id)) return notFound(viewer)
    const answer = await notifications.markRead(id, viewer.authorization)
    return afterReading(notifications, viewer, answer)
  })

  const SETTINGS = '/notifications/settings'
  own.get(SETTINGS, (viewer, request, reply) => {
    const flash = saidIn(viewer.talk.t.notices.said, request.query)
    const show = settingsFor(notifications, viewer, request, reply)
    return show({}, flash === undefined ? {} : { flash })
  })
  const change = keepForm({ page: SETTINGS }, async (viewer, request, reply) => {
    const { body } = request
    const show = settingsFor(notifications, viewer, request, reply)
    const typed = readForm(body)
    const { from, until } = typed
    const isTime = (text: string) => /^([01]\d|2[0-3]):[0-5]\d$/.test(text)
    const isQuiet = from !== '' || until !== ''
    if (isQuiet && !(isTime(from) && isTime(until))) {
      const field = isTime(from) ? 'until' : 'from'
      const problems = [{ field, text: viewer.talk.t.notices.quietWrong }]
      return show(typed, { problems }, 422)
    }
    const { language, timeZone, choices } = typed
    const quietHours = isQuiet ? { from, until } : null
    const preferences = { language, timeZone, choices, quietHours }
    const answer = await notifications.changePreferences(preferences, viewer.authorization)
    if (answer.status === 200) return { to: viewer.to('/notifications/settings?said=saved') }
    const problems = [settingsProblem(viewer, answer.body as unknown as Refusal)]
    return show(typed, { problems }, answer.status)
  })
  pages.post(SETTINGS, async (...sent) => ({ isSecret: true, ...(await change(...sent)) }))
  own.post('/notifications/settings/push/end', async (viewer, request, reply) => {
    const id = fieldOf(request.body, 'id')
    if (!UUID.test(id)) return notFound(viewer)
    const { status, body: refused } = await notifications.endPushSubscription(
      id,
      viewer.authorization,
    )
    // One that has ended meanwhile is not there either.
    if (status < 300 || status === 404) {
      return { to: viewer.to('/notifications/settings?said=ended') }
    }
    const problems = [problemOf(refused as unknown as Refusal, viewer.talk)]
    return settingsFor(notifications, viewer, request, reply)({}, { problems }, status)
  })
}

/** One that is gone meanwhile is not to be read any more: the page shows what there is. */
async function afterReading(
  notifications: Notifications,
  viewer: Viewer,
  { status, body }: ServiceAnswer,
): Promise<PageAnswer> {
  if (status < 300 || status === 404) return { to: viewer.to('/notifications') }
  const problems = [problemOf(body as unknown as Refusal, viewer.talk)]
  return showInbox(notifications, viewer, {}, { problems }, status)
}

async function showInbox(
  notifications: Notifications,
  viewer: Viewer,
  query: unknown,
  notes: Notes = {},
  statusCode = 200,
): Promise<PageAnswer> {
  const isUnreadOnly = fieldOf(query, 'unread') === 'yes'
  const cursor = fieldOf(query, 'cursor')
  const isFirst = !CURSOR.test(cursor)
  const { locale, zone } = viewer.talk
  const inbox = await notifications.readInbox(
    {
      limit: String(NOTICES_SHOWN),
      language: locale,
      timeZone: zone,
      ...(isUnreadOnly ? { unread: 'true' } : {}),
      ...(isFirst ? {} : { cursor }),
    },
    viewer.authorization,
  )
  return { statusCode, markup: inboxPage(viewer, inbox, { isUnreadOnly, isFirst, ...notes }) }
}

type Typed = ReturnType<typeof readForm>

function readForm(body: unknown) {
  const choices = Object.fromEntries(
    CATEGORIES.flatMap((category) => {
      const chosen = CHANNELS.flatMap((channel) => {
        const asked = fieldOf(body, `${category}-${channel}`)
        const choice = CHOICES.find((each) => each === asked)
        return choice === undefined ? [] : [[channel, choice] as const]
      })
      return chosen.length === 0 ? [] : [[category, Object.fromEntries(chosen)] as const]
    }),
  )
  return {
    language: fieldOf(body, 'language').slice(0, 8),
    timeZone: fieldOf(body, 'timeZone').slice(0, 64),
    from: trimmedOf(body, 'from').slice(0, 5),
    until: trimmedOf(body, 'until').slice(0, 5),
    choices,
  }
}

function settingsProblem({ talk }: Viewer, refusal: Refusal): Problem {
  const problem = problemOf(refusal, talk)
  if (refusal.code === 'notification.unknown_time_zone') return { ...problem, field: 'timeZone' }
  if (refusal.code === 'notification.empty_quiet_hours') return { ...problem, field: 'until' }
  return problem
}

/** What was typed over what is stored: a form that came back is as it was sent. */
function settingsFor(
  notifications: Notifications,
  viewer: Viewer,
  { headers }: FastifyRequest,
  reply: FastifyReply,
) {
  return async (typed: Partial<Typed>, notes: Notes, statusCode = 200): Promise<PageAnswer> => {
    const { authorization, talk } = viewer
    const [stored, pushKey, subscriptions] = await Promise.all([
      notifications.readPreferences(authorization),
      orAway(notifications.readPushKey()),
      orAway(notifications.listPushSubscriptions(authorization)),
    ])
    const preferences = withTyped(stored, typed)
    const browserName = deviceName(headers['user-agent'] ?? null, talk.t.account.device)
    const parts = { preferences, pushKey, subscriptions, browserName }
    reply.header('content-security-policy', PUSH_POLICY)
    return { statusCode, markup: settingsPage(viewer, parts, notes) }
  }
}

function withTyped(
  stored: NoticePreferencesView,
  { language, timeZone, from, until, choices = {} }: Partial<Typed>,
): NoticePreferencesView {
  const { quietHours, ...rest } = stored
  const quiet = from === undefined || until === undefined ? quietHours : { from, until }
  return {
    ...rest,
    ...(language === undefined ? {} : { language }),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(quiet === undefined ? {} : { quietHours: quiet }),
    choices: Object.fromEntries(
      Object.entries(stored.choices).map(([category, channels]) => [
        category,
        { ...channels, ...choices[category] },
      ]),
    ),
  }
}
