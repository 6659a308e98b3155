/// <reference lib="dom" />
// Of every page. Without it all works: times are text with their zone, and forms are sent as they are.
import { endThatOfAnother } from './push-browser.ts'
import { timeLeftIn } from './time-left.ts'

const TICK_MS = 250
const SOON_MS = 60_000
/** A bid waits for its answer no longer than half of that. */
const AGAIN_MS = 10_000

/** The server writes times in the zone of its reader, which only a script knows. */
function rememberZone(): void {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  const line = `tz=${encodeURIComponent(zone)}`
  if (document.cookie.split('; ').includes(line)) return
  // biome-ignore lint/suspicious/noDocumentCookie: not every browser has the Cookie Store.
  document.cookie = `${line}; Path=/; Max-Age=31536000; SameSite=Lax`
}

/** Counts down on the auction's clock, which may differ from that of the device. */
function countDown(serverTime: string): void {
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  const arrivedAtMs = performance.timeOrigin + (navigation?.responseStart ?? performance.now())
  const offsetMs = Date.parse(serverTime) - arrivedAtMs
  const write = timeLeftIn(document.documentElement.lang)
  const tick = () => {
    const now = Date.now() + offsetMs
    for (const element of document.querySelectorAll<HTMLTimeElement>('[data-countdown]')) {
      const leftMs = Date.parse(element.dateTime) - now
      // At zero only the server knows whether a late bid moved the end.
      const text = leftMs > 0 ? write(leftMs) : (element.dataset.countdown ?? '')
      if (element.textContent !== text) element.textContent = text
      element.classList.toggle('soon', leftMs > 0 && leftMs < SOON_MS)
    }
  }
  tick()
  setInterval(tick, TICK_MS)
}

/**
 * A second press while the first is on its way does nothing. The button is not disabled: a screen reader
 * would say so, and the focus would be lost.
 */
function ignoreSecondPress(): void {
  let sentAt = new WeakMap<EventTarget, number>()
  // A user who comes back by the back button may send the form again.
  addEventListener('pageshow', () => {
    sentAt = new WeakMap()
  })
  document.addEventListener('submit', (event) => {
    const { target, timeStamp } = event
    if (!(target instanceof HTMLFormElement) || target.method !== 'post') return
    if (timeStamp - (sentAt.get(target) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) {
      event.preventDefault()
    } else sentAt.set(target, timeStamp)
  })
}

/** A user who logs in where another has left sees no notices of that one. */
async function endNoticesOfAnother(): Promise<void> {
  const { user } = document.body.dataset
  if (user !== undefined) await endThatOfAnother(user)
}

rememberZone()
// A browser that keeps nothing has no subscription either.
endNoticesOfAnother().catch(() => {})
ignoreSecondPress()
const main = document.querySelector<HTMLElement>('[data-server-time]')
if (main?.dataset.serverTime !== undefined) countDown(main.dataset.serverTime)
// Where a form came back, what is wrong is read first.
document.getElementById('problem')?.focus()
