const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

const INSTANT = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'medium',
  timeZone: 'UTC',
})

/** "EUR 1,234.50". The digits stay text, because a number would round large amounts. */
export function displayAmount(amount: string, currencyCode: string): string {
  const [whole = '', fraction] = amount.split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return `${currencyCode} ${fraction === undefined ? grouped : `${grouped}.${fraction}`}`
}

/** "23 Nov 2026, 18:00:00 UTC": always with its zone, since the server cannot know the reader's. */
export function displayInstant(instant: string): string {
  return `${INSTANT.format(new Date(instant))} UTC`
}

/** "2 d 3 h", "4 min 05 s" or, when it is over, "0 s": the two largest units. */
export function displayTimeLeft(leftMs: number): string {
  // Rounded up, so that "1 s" is shown until the very end.
  const left = Math.ceil(Math.max(leftMs, 0) / SECOND_MS) * SECOND_MS
  const days = Math.floor(left / DAY_MS)
  const hours = Math.floor((left % DAY_MS) / HOUR_MS)
  const minutes = Math.floor((left % HOUR_MS) / MINUTE_MS)
  const seconds = Math.floor((left % MINUTE_MS) / SECOND_MS)
  if (days > 0) return `${days} d ${hours} h`
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, '0')} min`
  if (minutes > 0) return `${minutes} min ${String(seconds).padStart(2, '0')} s`
  return `${seconds} s`
}

/** "1 bid", "12 bids". */
export function displayCount(count: number, one: string): string {
  return `${count} ${count === 1 ? one : `${one}s`}`
}
