import fc from 'fast-check'
import t from 'tap'
import { afterQuietHours, readDayTime, writeDayTime } from '#src/domain/quiet-hours.ts'
import { MINUTE_MS, minuteAt, zoneAndMinute } from './zones.ts'

const at = (text: string, zone: string, from: string, until: string) => {
  const quiet = { from: readDayTime(from) ?? -1, until: readDayTime(until) ?? -1 }
  return afterQuietHours(new Date(text), quiet, zone).toISOString()
}

t.test('a night is from the evening to the morning of the reader', async (t) => {
  const night = ['Europe/Berlin', '22:00', '07:00'] as const
  t.equal(at('2026-11-28T20:59:00Z', ...night), '2026-11-28T20:59:00.000Z', 'before it')
  t.equal(at('2026-11-28T21:00:00Z', ...night), '2026-11-29T06:00:00.000Z', 'its first minute')
  t.equal(at('2026-11-29T03:12:45.678Z', ...night), '2026-11-29T06:00:00.000Z', 'after midnight')
  t.equal(at('2026-11-29T06:00:00Z', ...night), '2026-11-29T06:00:00.000Z', 'its end')
  t.equal(at('2026-07-01T21:00:00Z', ...night), '2026-07-02T05:00:00.000Z', 'in summer')
  t.equal(
    at('2026-11-28T13:00:00Z', 'America/New_York', '07:30', '12:15'),
    '2026-11-28T17:15:00.000Z',
  )
})

t.test('quiet hours over a change of the clocks end by the clocks', async (t) => {
  // Forward from 2 to 3 on 29 March, back from 3 to 2 on 25 October.
  const end = (text: string, until: string) => at(text, 'Europe/Berlin', '22:00', until)
  t.equal(end('2026-03-28T22:00:00Z', '07:00'), '2026-03-29T05:00:00.000Z', 'eight hours')
  t.equal(end('2026-10-24T21:00:00Z', '07:00'), '2026-10-25T06:00:00.000Z', 'ten hours')
  t.equal(
    end('2026-03-29T00:30:00Z', '02:30'),
    '2026-03-29T01:00:00.000Z',
    'half past two is skipped',
  )
  t.equal(
    end('2026-10-25T00:10:00Z', '02:30'),
    '2026-10-25T00:30:00.000Z',
    'the first half past two',
  )
  t.equal(end('2026-10-25T01:10:00Z', '02:30'), '2026-10-25T01:30:00.000Z', 'and the second')
})

t.test('without quiet hours nothing waits', async (t) => {
  const now = new Date('2026-11-28T03:00:00Z')
  t.equal(afterQuietHours(now, undefined, 'Europe/Berlin'), now)
})

t.test('in every zone quiet hours end with the first minute that is not quiet', async (t) => {
  const minute = fc.integer({ min: 0, max: 1_439 })
  fc.assert(
    fc.property(zoneAndMinute, minute, minute, ({ zone, ms }, from, until) => {
      fc.pre(from !== until)
      const isQuiet = (one: number) =>
        from < until ? one >= from && one < until : one >= from || one < until
      let expected = ms
      while (isQuiet(minuteAt(expected, zone))) expected += MINUTE_MS
      const found = afterQuietHours(new Date(ms), { from, until }, zone).getTime()
      const about = `${zone} ${new Date(ms).toISOString()} ${from}-${until}`
      const elapsed = (expected - ms) / MINUTE_MS
      const shown = minuteAt(expected, zone) - minuteAt(ms, zone)
      // Forward from 0 to 720, back from 721 to 1,439.
      const moved = (((shown - elapsed) % 1_440) + 1_440) % 1_440
      // Clocks that go back may show the last minutes before quiet hours once more. These stay quiet.
      if (moved > 720) t.ok(found >= expected && !isQuiet(minuteAt(found, zone)), about)
      else t.equal(found, expected, about)
    }),
    { numRuns: 300 },
  )
})

t.test('times of a day are read and written as HH:MM', async (t) => {
  for (const minute of [0, 7, 61, 1_439]) t.equal(readDayTime(writeDayTime(minute)), minute)
  for (const text of ['24:00', '7:00', '07:60', '07:00:00', '', ' 07:00', '-1:00']) {
    t.equal(readDayTime(text), undefined, text)
  }
})
