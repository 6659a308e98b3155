import fc from 'fast-check'
import { wallTimeAt } from '#src/domain/zone-time.ts'

/** Zones with every kind of clock: none, half an hour, at midnight, backwards in Ramadan, quarters of hours. */
export const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/Istanbul',
  'Europe/Dublin',
  'America/New_York',
  'America/Santiago',
  'America/St_Johns',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
  'Pacific/Kiritimati',
]

export const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const [FROM_MS, UNTIL_MS] = [Date.UTC(2026, 0, 1), Date.UTC(2028, 0, 1)]

/** The minute of the day that the clocks of a zone show. */
export const minuteAt = (ms: number, zone: string) => wallTimeAt(new Date(ms), zone).minuteOfDay

const minutesOfUtc = (ms: number) => Math.floor(ms / MINUTE_MS) % 1_440

/** About when the clocks of a zone change, within two years. */
function changesOf(zone: string): number[] {
  const changes: number[] = []
  let offset = Number.NaN
  for (let ms = FROM_MS; ms < UNTIL_MS; ms += HOUR_MS) {
    const now = (minuteAt(ms, zone) - minutesOfUtc(ms) + 1_440) % 1_440
    if (!Number.isNaN(offset) && now !== offset) changes.push(ms)
    offset = now
  }
  return changes
}

const changes = new Map(ZONES.map((zone) => [zone, changesOf(zone)]))

/** A zone and a whole minute, which is often near a change of its clocks. */
export const zoneAndMinute = fc.constantFrom(...ZONES).chain((zone) => {
  const near = changes.get(zone) ?? []
  const anywhere = fc.integer({ min: FROM_MS / MINUTE_MS, max: UNTIL_MS / MINUTE_MS })
  const close =
    near.length === 0
      ? anywhere
      : fc
          .tuple(fc.constantFrom(...near), fc.integer({ min: -1_500, max: 1_500 }))
          .map(([ms, minutes]) => Math.floor(ms / MINUTE_MS) + minutes)
  const minute = fc.oneof({ weight: 1, arbitrary: anywhere }, { weight: 3, arbitrary: close })
  return minute.map((minutes) => ({ zone, ms: minutes * MINUTE_MS }))
})
