/** A clock on the wall, somewhere. */
export interface WallTime {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly day: number
  readonly minuteOfDay: number
}

const MINUTE_MS = 60_000
const DAY_MINUTES = 24 * 60
const DAY_MS = DAY_MINUTES * MINUTE_MS

const formats = new Map<string, Intl.DateTimeFormat>()

/** Whether a text is the IANA name of a zone, such as Europe/Berlin, that this process knows. */
export function isTimeZone(name: string): boolean {
  // Offsets are taken by Intl as well, but know no summer time.
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false
  try {
    formatOf(name)
    return true
  } catch {
    return false
  }
}

/** What the clocks of a zone show. */
export function wallTimeAt(instant: Date, zone: string): WallTime {
  const shown: Record<string, number> = {}
  for (const { type, value } of formatOf(zone).formatToParts(instant)) shown[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = shown
  return { year, month, day, minuteOfDay: hour * 60 + minute }
}

/** The day so many days later, at the same time or another. */
export function addDays(wall: WallTime, days: number, minuteOfDay = wall.minuteOfDay): WallTime {
  const moved = new Date(Date.UTC(wall.year, wall.month - 1, wall.day + days))
  return {
    year: moved.getUTCFullYear(),
    month: moved.getUTCMonth() + 1,
    day: moved.getUTCDate(),
    minuteOfDay,
  }
}

/** 0 is Sunday. */
export function weekdayOf({ year, month, day }: WallTime): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay()
}

/**
 * The first instant after `after` at which the clocks of a zone show this. For a time that they skip it is
 * the instant when they go forward. undefined when it is over.
 */
export function instantOf(wall: WallTime, zone: string, after: Date): Date | undefined {
  const shown = shownMs(wall)
  // A zone changes its clocks at most once within two days, so one of these two is right, or both are.
  const before = shown - offsetMs(shown - DAY_MS, zone)
  const later = shown - offsetMs(shown + DAY_MS, zone)
  const candidates = [...new Set([before, later])]
    .filter((ms) => ms + offsetMs(ms, zone) === shown)
    .sort((left, right) => left - right)
  if (candidates.length === 0) candidates.push(changeBetween(later, before, zone))
  const first = candidates.find((ms) => ms > after.getTime())
  return first === undefined ? undefined : new Date(first)
}

/** The first minute with the offset of the last one. */
function changeBetween(fromMs: number, untilMs: number, zone: string): number {
  const offset = offsetMs(untilMs, zone)
  let [same, other] = [untilMs, fromMs]
  while (same - other > MINUTE_MS) {
    const middle = other + Math.floor((same - other) / 2 / MINUTE_MS) * MINUTE_MS
    if (offsetMs(middle, zone) === offset) same = middle
    else other = middle
  }
  return same
}

const shownMs = ({ year, month, day, minuteOfDay }: WallTime) =>
  Date.UTC(year, month - 1, day, 0, minuteOfDay)

/** By how much the clocks of a zone are before UTC, in whole minutes. */
function offsetMs(ms: number, zone: string): number {
  const minute = Math.floor(ms / MINUTE_MS) * MINUTE_MS
  return shownMs(wallTimeAt(new Date(minute), zone)) - minute
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  })
  formats.set(zone, made)
  return made
}
