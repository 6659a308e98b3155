import { answers, OneOf, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { type Static, Type } from 'typebox'
import { LANGUAGES, type Language } from '#src/domain/notice-text.ts'
import {
  CATEGORIES,
  type Category,
  CHANNELS,
  type Channel,
  TEMPLATES,
} from '#src/domain/notices.ts'
import {
  ALWAYS_MAILED,
  CHOICES,
  type Choice,
  DEFAULT_CHOICES,
  isLocked,
  LOCKED,
} from '#src/domain/preferences.ts'
import { type QuietHours, readDayTime, writeDayTime } from '#src/domain/quiet-hours.ts'
import { isTimeZone } from '#src/domain/zone-time.ts'
import { notificationErrors } from '#src/errors.ts'
import { hasDeparted, shareDepartures } from '#src/infra/postgres/departures/departed-users.ts'
import { readChoices } from '#src/infra/postgres/readers/choices.ts'
import {
  type ChangedChoice,
  changeChoices,
  changeReader,
  readReader,
} from '#src/infra/postgres/readers/readers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const PREFERENCES = '/api/v1/notifications/preferences'
const tags = ['preferences']

const LanguageField = OneOf(LANGUAGES)
const TimeZone = Type.String({
  pattern: '^[A-Za-z][A-Za-z0-9_+/-]{0,63}$',
  description: 'IANA name, such as Europe/Berlin',
})
const DayTime = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description: 'HH:MM' })
const QuietHoursBody = Type.Object(
  { from: DayTime, until: DayTime },
  { ...STRICT, description: 'In your time zone; from may be later than until.' },
)
const ChoiceField = OneOf(CHOICES)

const byChannel = <V>(value: V) =>
  Object.fromEntries(CHANNELS.map((channel) => [channel, value])) as Record<Channel, V>
const byCategory = <V>(value: V) =>
  Object.fromEntries(CATEGORIES.map((category) => [category, value])) as Record<Category, V>

const Preferences = Type.Object(
  {
    language: LanguageField,
    timeZone: TimeZone,
    quietHours: Type.Optional(QuietHoursBody),
    choices: Type.Object(byCategory(Type.Object(byChannel(ChoiceField)))),
    locked: Type.Array(Type.Object({ category: OneOf(CATEGORIES), channel: OneOf(CHANNELS) }), {
      description: 'Choices that cannot be changed.',
    }),
    alwaysMailed: Type.Array(OneOf(TEMPLATES), {
      description: 'Mailed at once whatever is chosen: money depends on them.',
    }),
  },
  { title: 'NotificationPreferences' },
)

const PreferencesBody = Type.Object(
  {
    language: Type.Optional(LanguageField),
    timeZone: Type.Optional(TimeZone),
    quietHours: Type.Optional(Type.Union([QuietHoursBody, Type.Null()])),
    choices: Type.Optional(
      Type.Partial(
        Type.Object(byCategory(Type.Partial(Type.Object(byChannel(ChoiceField)), STRICT)), STRICT),
        STRICT,
      ),
    ),
  },
  { ...STRICT, title: 'NotificationPreferencesChange' },
)

/** How the caller wants to be notified. */
export async function preferenceRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  app.get(
    PREFERENCES,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'readNotificationPreferences',
        summary: 'How you are notified',
        response: answers({ 200: Preferences }),
      },
    },
    async ({ user }, reply) => {
      reply.header('cache-control', 'no-store')
      return preferencesOf(db, user.id)
    },
  )
  app.patch(
    PREFERENCES,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'changeNotificationPreferences',
        summary: 'Change how you are notified; what is left out stays',
        body: PreferencesBody,
        response: answers({ 200: Preferences }, [422]),
      },
    },
    async ({ user, body: { language, timeZone, quietHours, choices } }) => {
      if (timeZone !== undefined && !isTimeZone(timeZone)) {
        throw notificationErrors.unknownTimeZone({ timeZone })
      }
      const change = {
        language: language as Language | undefined,
        timeZone,
        quietHours: quietHours && readQuietHours(quietHours),
      }
      const changed = changedChoices(choices ?? {})
      await db.transaction().execute(async (tx) => {
        await shareDepartures(tx)
        if (await hasDeparted(tx, user.id)) throw notificationErrors.unauthenticated()
        await changeReader(tx, user.id, change)
        await changeChoices(tx, user.id, changed)
      })
      return preferencesOf(db, user.id)
    },
  )
}

function readQuietHours({ from, until }: Static<typeof QuietHoursBody>): QuietHours {
  const quiet = { from: readDayTime(from) ?? 0, until: readDayTime(until) ?? 0 }
  if (quiet.from === quiet.until) throw notificationErrors.emptyQuietHours()
  return quiet
}

function changedChoices(
  choices: NonNullable<Static<typeof PreferencesBody>['choices']>,
): ChangedChoice[] {
  const changes: ChangedChoice[] = []
  for (const category of CATEGORIES) {
    for (const channel of CHANNELS) {
      const choice = choices[category]?.[channel] as Choice | undefined
      if (choice === undefined) continue
      const isAsItIs = DEFAULT_CHOICES[category][channel] === choice
      if (!isLocked(category, channel)) changes.push({ category, channel, choice })
      else if (!isAsItIs) throw notificationErrors.choiceLocked({ category, channel })
    }
  }
  return changes
}

async function preferencesOf(db: Kysely<Database>, userId: string) {
  const { language, timeZone, quietHours } = await readReader(db, userId)
  const choices = (await readChoices(db, [userId])).get(userId) ?? DEFAULT_CHOICES
  return {
    language,
    timeZone,
    ...(quietHours === undefined
      ? {}
      : {
          quietHours: {
            from: writeDayTime(quietHours.from),
            until: writeDayTime(quietHours.until),
          },
        }),
    choices,
    locked: [...LOCKED],
    alwaysMailed: [...ALWAYS_MAILED],
  }
}
