import t from 'tap'
import { changedInstant, instantOf, localTime } from '#src/domain/local-time.ts'

const at = (text: string, zone: string) => {
  const read = instantOf(text, zone)
  return read.ok ? read.instant : read.reason
}

t.test('a wall clock is read in its zone, in summer and in winter', async (t) => {
  t.equal(at('2026-11-23T19:04', 'Europe/Berlin'), '2026-11-23T18:04:00.000Z')
  t.equal(at('2026-07-01 19:04:59', 'Europe/Berlin'), '2026-07-01T17:04:00.000Z')
  t.equal(at('2026-07-01T00:30', 'Asia/Kathmandu'), '2026-06-30T18:45:00.000Z')
  t.equal(at('2026-12-31T20:00', 'America/Los_Angeles'), '2027-01-01T04:00:00.000Z')
  t.equal(at('2026-07-01T10:00', 'UTC'), '2026-07-01T10:00:00.000Z')
  t.equal(at('\u200b2026-07-01 10:00\u2060', 'UTC'), '2026-07-01T10:00:00.000Z')
})

t.test('what is shown twice is the first, and what is left out is no time', async (t) => {
  t.equal(at('2026-10-25T02:30', 'Europe/Berlin'), '2026-10-25T00:30:00.000Z')
  t.equal(at('2026-03-29T02:30', 'Europe/Berlin'), 'skipped')
  t.equal(at('2026-03-29T03:00', 'Europe/Berlin'), '2026-03-29T01:00:00.000Z')
})

t.test('what is no time is refused', async (t) => {
  t.equal(at(' ', 'UTC'), 'missing')
  for (const text of ['2026-02-30T10:00', '2026-11-23', 'soon', '2026-11-23T24:61', '1'.repeat(99)])
    t.equal(at(text, 'UTC'), 'not_a_time', text)
})

t.test('a time that is shown is read back as it was', async (t) => {
  for (const zone of ['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Apia']) {
    for (let hour = 0; hour < 24 * 366; hour += 7) {
      const instant = new Date(Date.UTC(2026, 0, 1, hour)).toISOString()
      const back = at(localTime(instant, zone), zone)
      // Of an hour that is shown twice the first is meant.
      if (back !== instant)
        t.equal(Date.parse(instant) - Date.parse(back), 3_600_000, `${zone} ${instant}`)
    }
  }
})

t.test('a field that still shows an instant is no other time, to the second', async (t) => {
  for (const [instant = '', text = '', zone = ''] of [
    ['2026-11-23T18:04:37.123Z', '2026-11-23T19:04', 'Europe/Berlin'],
    ['2026-11-23T18:04:37.123Z', ' 2026-11-23 19:04:59 ', 'Europe/Berlin'],
    ['2026-10-25T00:30:00.000Z', '2026-10-25T02:30', 'Europe/Berlin'],
    ['2026-10-25T01:30:00.000Z', '2026-10-25T02:30', 'Europe/Berlin'],
  ])
    t.equal(changedInstant(text, instant, zone), 'same', `${instant} ${text}`)
  const changed = (text: string) => changedInstant(text, '2026-11-23T18:04:37.123Z', 'UTC')
  t.strictSame(changed('2026-11-23T18:05'), { ok: true, instant: '2026-11-23T18:05:00.000Z' })
  t.strictSame(changed('2026-11-24T18:04'), { ok: true, instant: '2026-11-24T18:04:00.000Z' })
  t.strictSame(changed(''), { ok: false, reason: 'missing' })
})
