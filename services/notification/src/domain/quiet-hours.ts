import { addDays, instantOf, wallTimeAt } from './zone-time.ts'

/** From this minute of the reader's day until before that one, which may be on the next day. */
export interface QuietHours {
  readonly from: number
  readonly until: number
}

// The hour that is skipped or shown twice, and hours that cover nearly the whole day.
const STEPS_MAX = 4

/** The first instant, from the given one on, that is not within the quiet hours of a zone. */
export function afterQuietHours(instant: Date, quiet: QuietHours | undefined, zone: string): Date {
  let at = instant
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const end = quiet === undefined ? undefined : endOfQuiet(at, quiet, zone)
    if (end === undefined) return at
    at = end
  }
  return at
}

/** When the quiet hours end that an instant is in; undefined when it is in none. */
function endOfQuiet(instant: Date, quiet: QuietHours, zone: string): Date | undefined {
  const wall = wallTimeAt(instant, zone)
  if (!isQuiet(wall.minuteOfDay, quiet)) return undefined
  const isOverMidnight = quiet.from > quiet.until && wall.minuteOfDay >= quiet.from
  for (let days = isOverMidnight ? 1 : 0; ; days += 1) {
    const end = instantOf(addDays(wall, days, quiet.until), zone, instant)
    if (end !== undefined) return end
  }
}

function isQuiet(minute: number, { from, until }: QuietHours): boolean {
  return from < until ? minute >= from && minute < until : minute >= from || minute < until
}

/** '07:30' as the minute of a day; undefined when it is no time of a day. */
export function readDayTime(text: string): number | undefined {
  const [, hours, minutes] = /^([01][0-9]|2[0-3]):([0-5][0-9])$/.exec(text) ?? []
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes)
}

export function writeDayTime(minuteOfDay: number): string {
  const part = (number: number) => String(number).padStart(2, '0')
  return `${part(Math.floor(minuteOfDay / 60))}:${part(minuteOfDay % 60)}`
}
