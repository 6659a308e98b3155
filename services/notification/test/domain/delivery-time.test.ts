import fc from 'fast-check'
import t from 'tap'
import { AGAIN_AFTER_MS, nextDigest, sendingTime } from '#src/domain/delivery-time.ts'
import { CHANNELS, type Channel, TEMPLATES, type Template } from '#src/domain/notices.ts'
import {
  type Choice,
  type ChosenChoices,
  type Wishes,
  withDefaults,
} from '#src/domain/preferences.ts'
import { wallTimeAt, weekdayOf } from '#src/domain/zone-time.ts'
import { MINUTE_MS, minuteAt, zoneAndMinute } from './zones.ts'

const EIGHT = 8 * 60
const STEP_MS = 15 * MINUTE_MS
const ALL = [
  'bidding',
  'results',
  'purchases',
  'sales',
  'questions',
  'searches',
  'integrations',
] as const

const choosing = (choice: Choice): ChosenChoices =>
  Object.fromEntries(ALL.map((category) => [category, { mail: choice, push: choice }]))

const wishes = (changes: Partial<Wishes> = {}, chosen: ChosenChoices = {}): Wishes => ({
  timeZone: 'Europe/Berlin',
  quietHours: undefined,
  choices: withDefaults(chosen),
  ...changes,
})

const NOW = new Date('2026-11-28T02:30:00Z')

const timesOf = (template: Template, given: Wishes, lastSentAt?: Date) =>
  Object.fromEntries(
    CHANNELS.map((channel) => [
      channel,
      sendingTime({ template, channel, wishes: given, now: NOW, lastSentAt })?.toISOString(),
    ]),
  )

t.test(
  'by default what asks for an answer comes at once, and searches in the morning',
  async (t) => {
    const now = NOW.toISOString()
    const hasPush = (template: Template) => !/^(item_removed|webhook_)/.test(template)
    for (const template of TEMPLATES) {
      const expected =
        template === 'lost' || template === 'lot_unsold'
          ? { mail: undefined, push: undefined }
          : template === 'search_matched'
            ? { mail: '2026-11-28T07:00:00.000Z', push: undefined }
            : { mail: now, push: hasPush(template) ? now : undefined }
      t.strictSame(timesOf(template, wishes()), expected, template)
    }
  },
)

t.test('mail about money comes at once, whatever is chosen and also at night', async (t) => {
  const night = { from: 22 * 60, until: 7 * 60 }
  for (const choice of ['off', 'weekly', 'daily', 'now'] as const) {
    for (const template of TEMPLATES) {
      const { mail } = timesOf(template, wishes({ quietHours: night }, choosing(choice)))
      const isMoney =
        ['won', 'sold', 'item_removed', 'offer_accepted'].includes(template) ||
        /^(webhook_|order_|purchase_|sale_|deposit_(expiring|captured)$|payout_(failed|account_restricted|account_needed)$)/.test(
          template,
        )
      if (isMoney) t.equal(mail, NOW.toISOString(), `${template} ${choice}`)
      else t.not(mail, NOW.toISOString(), `${template} ${choice}`)
      if (choice === 'off' && !isMoney) t.equal(mail, undefined)
    }
  }
})

t.test('quiet hours move everything else, digests too', async (t) => {
  const late = { from: 22 * 60, until: 9 * 60 + 30 }
  const ends = '2026-11-28T08:30:00.000Z'
  t.equal(timesOf('outbid', wishes({ quietHours: late })).mail, ends)
  t.equal(timesOf('won', wishes({ quietHours: late })).push, ends)
  t.equal(timesOf('search_matched', wishes({ quietHours: late })).mail, ends, 'not at eight')
})

t.test('a user who is outbid again is notified ten minutes after the last time', async (t) => {
  const before = (ms: number) => new Date(NOW.getTime() - ms)
  const { mail, push } = timesOf('outbid', wishes(), before(60_000))
  t.equal(mail, new Date(NOW.getTime() + AGAIN_AFTER_MS - 60_000).toISOString())
  t.equal(push, mail)
  t.equal(timesOf('outbid', wishes(), before(AGAIN_AFTER_MS)).mail, NOW.toISOString())
  t.equal(timesOf('question', wishes(), before(0)).mail, NOW.toISOString(), 'others are not slowed')
})

t.test('a digest is at the next eight o clock, and a weekly one on a Monday', async (t) => {
  const next = (text: string, choice: 'daily' | 'weekly', zone = 'Europe/Berlin') =>
    nextDigest(new Date(text), choice, zone).toISOString()
  t.equal(next('2026-11-28T06:59:59.999Z', 'daily'), '2026-11-28T07:00:00.000Z')
  t.equal(next('2026-11-28T07:00:00.000Z', 'daily'), '2026-11-29T07:00:00.000Z', 'strictly later')
  t.equal(next('2026-03-28T08:00:00Z', 'daily'), '2026-03-29T06:00:00.000Z', 'summer begins')
  t.equal(next('2026-10-24T08:00:00Z', 'daily'), '2026-10-25T07:00:00.000Z', 'summer ends')
  t.equal(next('2026-11-28T12:00:00Z', 'weekly'), '2026-11-30T07:00:00.000Z', 'from a Saturday')
  t.equal(next('2026-11-30T06:00:00Z', 'weekly'), '2026-11-30T07:00:00.000Z', 'this Monday')
  t.equal(next('2026-11-30T07:00:00Z', 'weekly'), '2026-12-07T07:00:00.000Z', 'the next one')
  t.equal(next('2026-11-29T20:00:00Z', 'weekly', 'Pacific/Kiritimati'), '2026-12-06T18:00:00.000Z')
})

t.test('in every zone a digest is the first eight o clock after now', async (t) => {
  fc.assert(
    fc.property(zoneAndMinute, fc.boolean(), ({ zone, ms }, isWeekly) => {
      let expected = Math.floor(ms / STEP_MS) * STEP_MS + STEP_MS
      const isMonday = () => weekdayOf(wallTimeAt(new Date(expected), zone)) === 1
      while (minuteAt(expected, zone) !== EIGHT || (isWeekly && !isMonday())) expected += STEP_MS
      const found = nextDigest(new Date(ms), isWeekly ? 'weekly' : 'daily', zone)
      t.equal(found.getTime(), expected, `${zone} ${new Date(ms).toISOString()}`)
    }),
    { numRuns: 300 },
  )
})

t.test('nothing is sent before now, in quiet hours, or within the pace', async (t) => {
  const quiet = fc.option(
    fc.tuple(fc.integer({ min: 0, max: 1_439 }), fc.integer({ min: 0, max: 1_439 })),
    { nil: undefined },
  )
  const choice = fc.constantFrom<Choice>('now', 'daily', 'weekly', 'off')
  const channels = fc.constantFrom<Channel>(...CHANNELS)
  fc.assert(
    fc.property(
      zoneAndMinute,
      quiet,
      choice,
      channels,
      fc.integer({ min: 0, max: 20 }),
      ({ zone, ms }, hours, chosen, channel, ago) => {
        const [from = 0, until = 0] = hours ?? []
        fc.pre(hours === undefined || from !== until)
        const given = wishes(
          { timeZone: zone, quietHours: hours && { from, until } },
          choosing(chosen),
        )
        const [now, lastSentAt] = [new Date(ms), new Date(ms - ago * MINUTE_MS)]
        const time = sendingTime({ template: 'outbid', channel, wishes: given, now, lastSentAt })
        t.equal(time === undefined, chosen === 'off')
        if (time === undefined) return
        t.ok(time >= now)
        t.ok(time.getTime() >= lastSentAt.getTime() + AGAIN_AFTER_MS)
        const minute = minuteAt(time.getTime(), zone)
        const isQuiet =
          from < until ? minute >= from && minute < until : minute >= from || minute < until
        t.notOk(hours !== undefined && isQuiet)
      },
    ),
    { numRuns: 500 },
  )
})
