/// <reference lib="dom" />
// Shows notices while no page of this site is open. It answers no request of a page. Browsers run it as a plain script,
// since not all of them take modules here: it imports nothing and exports nothing.

interface Notice {
  title: string
  body: string
  path: string
  tag: string
}

interface PushWorker {
  location: { origin: string }
  registration: {
    showNotification(title: string, options: object): Promise<void>
  }
  clients: { openWindow(url: string): Promise<unknown> }
  addEventListener(
    name: 'push',
    listener: (event: {
      data: { json(): unknown } | null
      waitUntil(work: Promise<unknown>): void
    }) => void,
  ): void
  addEventListener(
    name: 'notificationclick',
    listener: (event: {
      notification: { data: unknown; close(): void }
      waitUntil(work: Promise<unknown>): void
    }) => void,
  ): void
}

const worker = self as unknown as PushWorker

/** A browser wants something to be shown for each message, so one that cannot be read leads to the inbox. */
function readNotice(data: { json(): unknown } | null): Notice {
  const unreadable = { title: 'Auction', body: '', path: '/notifications', tag: 'unreadable' }
  try {
    const read = (data?.json() ?? {}) as Record<string, unknown>
    const isWhole = ['title', 'body', 'path', 'tag'].every((name) => typeof read[name] === 'string')
    return isWhole ? (read as unknown as Notice) : unreadable
  } catch {
    return unreadable
  }
}

/** The address of a page of this site; what leads elsewhere leads home. */
function addressOf(path: unknown): string {
  const { origin } = worker.location
  const home = `${origin}/`
  if (typeof path !== 'string') return home
  try {
    const { href } = new URL(path, home)
    return href.startsWith(home) ? href : home
  } catch {
    // Not every browser with push has URL.canParse.
    return home
  }
}

worker.addEventListener('push', (event) => {
  const { title, body, path, tag } = readNotice(event.data)
  const icon = '/assets/icon.svg'
  // A newer notice of the same thing takes the place of the one before, and is announced as well.
  const options = { body, tag, renotify: true, icon, dir: 'auto', data: { path } }
  event.waitUntil(worker.registration.showNotification(title, options))
})

worker.addEventListener('notificationclick', (event) => {
  const { notification } = event
  notification.close()
  const { path } = (notification.data ?? {}) as { path?: unknown }
  event.waitUntil(worker.clients.openWindow(addressOf(path)))
})
