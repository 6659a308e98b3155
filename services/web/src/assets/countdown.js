// Counts down on the auction's clock and fetches new prices. Without this script the page shows the
// same times as text, with their zone.
const REFRESH_MS = 5_000
const SOON_MS = 60_000
const NOTICEABLE_MS = 2_000

/** How far the server's clock is ahead of this computer's, measured when its answer arrived. */
function measureOffset(serverTime, arrivedAtMs) {
  return Date.parse(serverTime) - arrivedAtMs
}

function timeLeft(leftMs) {
  const seconds = Math.ceil(Math.max(leftMs, 0) / 1_000)
  const two = (value) => String(value).padStart(2, '0')
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor((seconds % 86_400) / 3_600)]
  const minutes = Math.floor((seconds % 3_600) / 60)
  if (days > 0) return `${days} d ${hours} h`
  if (hours > 0) return `${hours} h ${two(minutes)} min`
  if (minutes > 0) return `${minutes} min ${two(seconds % 60)} s`
  return `${seconds} s`
}

const main = document.querySelector('[data-server-time]')
if (main !== null) start(main)

function start(main) {
  const [navigation] = performance.getEntriesByType('navigation')
  const arrivedAtMs = performance.timeOrigin + (navigation?.responseStart ?? performance.now())
  let offsetMs = measureOffset(main.dataset.serverTime, arrivedAtMs)

  const tick = () => {
    const now = Date.now() + offsetMs
    for (const element of document.querySelectorAll('[data-countdown]')) {
      const leftMs = Date.parse(element.dateTime) - now
      const text = timeLeft(leftMs)
      if (element.textContent !== text) element.textContent = text
      element.classList.toggle('soon', leftMs > 0 && leftMs < SOON_MS)
    }
  }

  const refresh = async () => {
    if (document.hidden) return
    try {
      const response = await fetch(location.href, { headers: { accept: 'text/html' } })
      const arrivedAtMs = Date.now()
      if (!response.ok) return
      const page = new DOMParser().parseFromString(await response.text(), 'text/html')
      const fresh = page.querySelector('#live')
      const serverTime = page.querySelector('[data-server-time]')?.dataset.serverTime
      if (fresh === null || serverTime === undefined) return
      offsetMs = measureOffset(serverTime, arrivedAtMs)
      // A user who moves through the page by keyboard must not lose their place.
      if (document.querySelector('#live')?.contains(document.activeElement)) return
      document.querySelector('#live')?.replaceWith(fresh)
      tick()
    } catch {
      // The next round tries again; the countdown goes on meanwhile.
    }
  }

  explain(offsetMs)
  tick()
  setInterval(tick, 250)
  setInterval(refresh, REFRESH_MS)
}

function explain(offsetMs) {
  const note = document.querySelector('#clock')
  if (note === null) return
  const differs = Math.abs(offsetMs) >= NOTICEABLE_MS
  const side = offsetMs > 0 ? 'behind' : 'ahead of'
  note.textContent = differs
    ? `Times left follow the auction’s own clock, which alone decides when a lot ends. This computer’s clock is ${Math.round(Math.abs(offsetMs) / 1_000)} s ${side} it.`
    : 'Times left follow the auction’s own clock, which alone decides when a lot ends.'
}
