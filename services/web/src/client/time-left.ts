// Also used by the server, so that a page says the same before and after its script runs.
const SECOND_MS = 1_000

/** Writes "2 days 3 hr", "4 min 05 sec" or "0 sec" in a language: the two largest units. */
export function timeLeftIn(language: string): (leftMs: number) => string {
  const unit = (name: string, minimumIntegerDigits = 1) =>
    new Intl.NumberFormat(language, {
      style: 'unit',
      unit: name,
      unitDisplay: 'short',
      minimumIntegerDigits,
    })
  const [day, hour, minute, second] = [unit('day'), unit('hour'), unit('minute'), unit('second')]
  const [paddedMinute, paddedSecond] = [unit('minute', 2), unit('second', 2)]
  return (leftMs) => {
    // Rounded up, so that one second is shown until the very end; it never goes below zero.
    const left = Math.ceil(Math.max(leftMs, 0) / SECOND_MS)
    const [days, hours] = [Math.floor(left / 86_400), Math.floor((left % 86_400) / 3_600)]
    const [minutes, seconds] = [Math.floor((left % 3_600) / 60), left % 60]
    if (days > 0) return `${day.format(days)} ${hour.format(hours)}`
    if (hours > 0) return `${hour.format(hours)} ${paddedMinute.format(minutes)}`
    if (minutes > 0) return `${minute.format(minutes)} ${paddedSecond.format(seconds)}`
    return second.format(seconds)
  }
}
