/// <reference lib="dom" />
// One stream for all tabs of a browser: over HTTP/1.1 six streams would take all its connections, and the
// seventh tab would not load. The tab that holds the lock reads the stream and hands on what comes.

const LOTS_MAX = 50
const RETRY_MS = 2_000
const RETRY_MAX_MS = 30_000
/** The server sends something every 20 seconds. */
const SILENCE_MS = 60_000
/** A stream that reconnects at once is no interruption for its reader. */
const PATIENCE_MS = 3_000

export interface LiveEvent {
  kind: 'lot' | 'own' | 'resync'
  data: Record<string, unknown>
}

export interface Watcher {
  lot: string
  /** Whose page it is, empty for visitors; absent where nothing is anyone's own. */
  viewer?: string
  receive(event: LiveEvent): void
  /** Whether prices arrive. */
  online(isOnline: boolean): void
}

type Message =
  | { kind: 'event'; event: LiveEvent; viewer: string }
  | { kind: 'online'; isOnline: boolean }
  | { kind: 'wants'; tab: string; lots: string[]; asked?: Asked }
  | { kind: 'who' }

/** The newest page knows who is logged in now. */
interface Asked {
  viewer: string
  atMs: number
}

const tab = `${Date.now()}-${Math.random()}`
const watchers = new Set<Watcher>()
const others = new Map<string, string[]>()
let channel: BroadcastChannel | undefined

let isLeader = false
let source: EventSource | undefined
let open = ''
let newest: Asked = { viewer: '', atMs: 0 }
/** The stream was opened with the cookie of this one, and has only their own events. */
let openFor = ''
let lastId = ''
let lastAt = 0
let failures = 0
let retry: ReturnType<typeof setTimeout> | undefined
let doubt: ReturnType<typeof setTimeout> | undefined

/** Hands a watcher what happens to its lot; the answer ends that. */
export function watch(watcher: Watcher): () => void {
  watchers.add(watcher)
  announce()
  return () => {
    watchers.delete(watcher)
    announce()
  }
}

const ownLots = () => [...new Set([...watchers].map(({ lot }) => lot))]

function ownAsked(): Asked | undefined {
  const viewer = [...watchers].find((watcher) => watcher.viewer !== undefined)?.viewer
  return viewer === undefined ? undefined : { viewer, atMs: performance.timeOrigin }
}

function note(asked: Asked | undefined): void {
  if (asked !== undefined && asked.atMs >= newest.atMs) newest = asked
}

function announce(): void {
  const asked = ownAsked()
  note(asked)
  const wants: Message = { kind: 'wants', tab, lots: ownLots(), ...(asked && { asked }) }
  channel?.postMessage(wants)
  if (isLeader) listen()
}

/** Opens the stream for the lots of all tabs, unless it is open for them already. */
function listen(): void {
  const lots = [...new Set([...ownLots(), ...[...others.values()].flat()])].slice(0, LOTS_MAX)
  const wanted = lots.sort().join(',')
  if (wanted === open && newest.viewer === openFor && source !== undefined) return
  close()
  if (wanted === '') return
  open = wanted
  openFor = newest.viewer
  const query = new URLSearchParams({ lots: wanted, ...(lastId === '' ? {} : { after: lastId }) })
  const stream = new EventSource(`/api/v1/live?${query}`)
  source = stream
  stream.addEventListener('open', () => {
    failures = 0
    alive()
    // What happened between a page and its first event is in neither.
    const event = { kind: 'resync' as const, data: {} }
    hand(event)
  })
  for (const kind of ['lot', 'own', 'resync', 'heartbeat', 'reauthenticate'] as const) {
    stream.addEventListener(kind, (message) => {
      if (source === stream) take(kind, message as MessageEvent<string>)
    })
  }
  stream.addEventListener('error', () => {
    if (source !== stream) return
    doubtSoon()
    // After a refusal the browser gives up; a lost connection it opens again itself.
    if (stream.readyState === EventSource.CLOSED) again()
  })
}

function take(
  kind: LiveEvent['kind'] | 'heartbeat' | 'reauthenticate',
  { data, lastEventId }: MessageEvent<string>,
): void {
  alive()
  if (lastEventId !== '') lastId = lastEventId
  if (kind === 'heartbeat') return
  // The cookie of the browser is asked again when the stream is opened again.
  if (kind === 'reauthenticate') {
    again()
    return
  }
  const event = { kind, data: JSON.parse(data) as Record<string, unknown> }
  hand(event)
}

function hand(event: LiveEvent): void {
  channel?.postMessage({ kind: 'event', event, viewer: openFor } satisfies Message)
  deliver(event, openFor)
}

function deliver({ kind, data }: LiveEvent, viewer: string): void {
  for (const watcher of watchers) {
    // A page of who was logged in before gets nothing of another.
    if (kind === 'own' && watcher.viewer !== viewer) continue
    const isOurs =
      kind === 'resync'
        ? !Array.isArray(data.lots) || data.lots.includes(watcher.lot)
        : data.itemId === watcher.lot
    if (isOurs) watcher.receive({ kind, data })
  }
}

function alive(): void {
  lastAt = Date.now()
  clearTimeout(doubt)
  doubt = undefined
  report(true)
}

function doubtSoon(): void {
  doubt ??= setTimeout(() => report(false), PATIENCE_MS)
}

let reported: boolean | undefined
function report(isOnline: boolean): void {
  if (reported === isOnline) return
  reported = isOnline
  channel?.postMessage({ kind: 'online', isOnline } satisfies Message)
  for (const watcher of watchers) watcher.online(isOnline)
}

function close(): void {
  clearTimeout(retry)
  source?.close()
  source = undefined
  open = ''
}

/** All who were sent away come back at different moments. */
function again(): void {
  close()
  failures += 1
  const wait = Math.min(RETRY_MS * 2 ** (failures - 1), RETRY_MAX_MS)
  retry = setTimeout(listen, wait * (0.5 + Math.random()))
}

function join(): void {
  channel = new BroadcastChannel('live')
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind === 'event') deliver(data.event, data.viewer)
    else if (data.kind === 'online') for (const each of watchers) each.online(data.isOnline)
    else if (data.kind === 'who') announce()
    else {
      if (data.lots.length === 0) others.delete(data.tab)
      else others.set(data.tab, data.lots)
      note(data.asked)
      if (isLeader) {
        listen()
        if (reported !== undefined) {
          channel?.postMessage({ kind: 'online', isOnline: reported } satisfies Message)
        }
      }
    }
  }
}

function lead(): void {
  isLeader = true
  channel?.postMessage({ kind: 'who' } satisfies Message)
  listen()
}

setInterval(() => {
  if (!isLeader || source === undefined || Date.now() - lastAt < SILENCE_MS || lastAt === 0) return
  report(false)
  again()
}, RETRY_MS)

let waiting: AbortController | undefined
let release: (() => void) | undefined
const hasLocks = navigator.locks !== undefined && typeof BroadcastChannel === 'function'

function start(): void {
  // Without locks, as under plain http on another host, each tab has a stream of its own while it is in sight.
  if (!hasLocks) {
    if (!document.hidden) lead()
    return
  }
  join()
  waiting = new AbortController()
  const { signal } = waiting
  navigator.locks
    .request(
      'live',
      { signal },
      () =>
        new Promise<void>((resolve) => {
          // It may be given in the moment in which the page goes.
          if (signal.aborted) {
            resolve()
            return
          }
          release = resolve
          lead()
        }),
    )
    .catch(() => {
      // The page went before it was its turn.
    })
}

function stop(): void {
  channel?.postMessage({ kind: 'wants', tab, lots: [] } satisfies Message)
  channel?.close()
  channel = undefined
  close()
  isLeader = false
  others.clear()
  waiting?.abort()
  release?.()
  release = undefined
}

function comeBack(): void {
  start()
  announce()
  // What happened meanwhile is not in the page.
  for (const watcher of watchers) watcher.receive({ kind: 'resync', data: {} })
}

// A page with an open stream, a channel or a lock, also one that it waits for, is not kept for the back button.
addEventListener('pagehide', stop)
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) comeBack()
})
if (!hasLocks) {
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) stop()
    else if (!isLeader) comeBack()
  })
}
start()
