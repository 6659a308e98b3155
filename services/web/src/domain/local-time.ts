import { trimText } from '@auction/common/text.ts'

/** What a field for date and time holds: "2026-11-23T18:04". */
const LOCAL = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?$/

export type ReadTime =
  | { ok: true; instant: string }
  | { ok: false; reason: 'missing' | 'not_a_time' | 'skipped' }

/**
 * The instant that a wall clock of the zone shows as this. Where clocks go back and show it twice it is the first
 * one; what they leave out when they go forward is no time.
 */
export function instantOf(text: string, zone: string): ReadTime {
  const trimmed = trimText(text)
  if (trimmed === '') return { ok: false, reason: 'missing' }
  const [matched, ...parts] = LOCAL.exec(trimmed) ?? []
  if (matched === undefined) return { ok: false, reason: 'not_a_time' }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = parts.map(Number)
  const asUtc = Date.UTC(year, month - 1, day, hour, minute)
  const wanted = new Date(asUtc).toISOString().slice(0, 16)
  // "2026-02-30" would be a day of March.
  if (wanted !== trimmed.replace(' ', 'T').slice(0, 16)) return { ok: false, reason: 'not_a_time' }
  // Offsets of the days around it: one of them is that of the instant.
  const candidates = [-1, 0, 1]
    .map((days) => asUtc - offsetMs(asUtc + days * DAY_MS, zone))
    .filter((ms) => localTime(new Date(ms).toISOString(), zone) === wanted)
  if (candidates.length === 0) return { ok: false, reason: 'skipped' }
  return { ok: true, instant: new Date(Math.min(...candidates)).toISOString() }
}

/**
 * The same of a field that showed an instant: what it still shows is no other time. Its minute would be another instant
 * where that has seconds, or is the second one of an hour that comes twice.
 */
export function changedInstant(text: string, shown: string, zone: string): ReadTime | 'same' {
  const read = instantOf(text, zone)
  const isSame = read.ok && localTime(read.instant, zone) === localTime(shown, zone)
  return isSame ? 'same' : read
}

/** What a wall clock of the zone shows at an instant, as a field for date and time takes it. */
export function localTime(instant: string, zone: string): string {
  const ms = Date.parse(instant)
  return new Date(ms + offsetMs(ms, zone)).toISOString().slice(0, 16)
}

const DAY_MS = 86_400_000

// A format costs far more to make than to use; a visitor can name each of some hundred zones.
const formats = new Map<string, Intl.DateTimeFormat>()

function formatIn(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(zone, format)
  }
  return format
}

/** How far the clocks of a zone are ahead of UTC at an instant. */
function offsetMs(ms: number, zone: string): number {
  const parts = formatIn(zone).formatToParts(ms)
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value)
  const shown = Date.UTC(
    of('year'),
    of('month') - 1,
    of('day'),
    of('hour'),
    of('minute'),
    of('second'),
  )
  return shown - Math.floor(ms / 1_000) * 1_000
}
