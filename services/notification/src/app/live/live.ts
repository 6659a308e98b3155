import type { Socket } from 'node:net'
import type { Caller } from '@auction/common/http/auth.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { repeat } from '@auction/common/process/repeat.ts'
import type { LiveChange } from '#src/domain/live-change.ts'
import type { LiveLots } from '#src/domain/live-lots.ts'
import { notificationErrors } from '#src/errors.ts'
import type { SessionVerdict } from '#src/infra/identity/check-session.ts'
import { createFanOut } from './fan-out.ts'
import {
  heartbeatFrame,
  lotFrame,
  ownFrame,
  REAUTHENTICATE,
  resyncFrame,
  retryFrame,
} from './frames.ts'
import type { EndedBy, LiveMetrics } from './live-metrics.ts'
import { createLiveSessions, type LiveSession } from './live-sessions.ts'
import type { Stream } from './stream.ts'

export interface LiveLimits {
  /** Streams of this process, of one user and of one address or IPv6 network. */
  streams: number
  perUser: number
  perAddress: number
  /** A stream ends after about so long, so that new replicas get their share. */
  lifetimeMs: number
}

export interface LiveOptions {
  lots: LiveLots
  limits: LiveLimits
  metrics: LiveMetrics
  log: Logger
  checkSession(token: string): Promise<SessionVerdict>
  /** False while events do not arrive from the broker. */
  isReading(): boolean
  /** Heartbeats and checks of sessions take turns, one turn after each of these. */
  turnMs?: number
}

export interface Watcher {
  socket: Socket
  /** What is written before everything else. */
  head: Buffer
  itemIds: readonly string[]
  caller: Caller | null
  token: string | undefined
  network: string
  /** Where the client was in the stream; NaN when that cannot be read, undefined when it is new. */
  after: number | undefined
}

export interface Live {
  /** Throws what the client is to be answered when it cannot be served. */
  admit(watcher: Pick<Watcher, 'caller' | 'network'>): void
  /** Takes the socket: from now on it belongs to the stream. */
  open(watcher: Watcher): void
  /** An event of the stream. */
  take(change: LiveChange, offset: number): void
  /** Events before that offset were missed. */
  restart(offset: number): void
  connections(): number
  /** Ends every stream in good order, and lets no new one in. */
  close(): Promise<void>
}

const TURN_MS = 1_000
// Every 20 seconds: a session that ended is noticed within 30, also when identity is slow, and proxies
// close what is silent for a minute.
const TURNS = 20
const GOOD_FOR_TURNS = 30
/** The kernel takes megabytes before this grows, so such a client has not read for long. */
const UNREAD_BYTES_MAX = 64 * 1024
/** Clients that lost their stream together come back over so long. */
const RETRY_MS = { from: 500, to: 5_000 }
const RETRY_FRAMES = Array.from({ length: 64 }, (_, index) =>
  retryFrame(Math.round(RETRY_MS.from + ((RETRY_MS.to - RETRY_MS.from) * index) / 63)),
)
/** A client that does not close its side after ours is cut off. */
const CLOSE_MS = 2_000

/** The open streams of this process: who watches what, and what each of them is sent. */
export function createLive(options: LiveOptions): Live {
  const { lots, limits, metrics, log, isReading, turnMs = TURN_MS } = options
  const streams = new Set<Stream>()
  const slots = Array.from({ length: TURNS }, () => new Set<Stream>())
  const byNetwork = new Map<string, number>()
  let opened = 0
  let turn = 0
  let isClosing = false

  const forget = (stream: Stream, reason: EndedBy): boolean => {
    if (!streams.delete(stream)) return false
    stream.slot.delete(stream)
    for (const lot of stream.lots) fanOut.leave(lot, stream)
    if (stream.session !== undefined) sessions.leave(stream.session, stream)
    const left = (byNetwork.get(stream.network) ?? 1) - 1
    if (left === 0) byNetwork.delete(stream.network)
    else byNetwork.set(stream.network, left)
    metrics.ended(reason)
    return true
  }
  const write = (stream: Stream, bytes: Buffer) => {
    const { socket } = stream
    socket.write(bytes)
    if (socket.writableLength <= UNREAD_BYTES_MAX) return
    // With a reset the kernel gives up at once what it keeps for the client.
    if (forget(stream, 'slow')) socket.resetAndDestroy()
  }
  const end = (stream: Stream, reason: EndedBy, ...last: Buffer[]) => {
    if (!forget(stream, reason)) return
    const { socket } = stream
    socket.end(Buffer.concat([...last, retryAtRandom()]))
    setTimeout(() => socket.destroy(), CLOSE_MS).unref()
  }
  const fanOut = createFanOut({ lots, metrics, write })
  const sessions = createLiveSessions({
    turns: TURNS,
    goodForMs: GOOD_FOR_TURNS * turnMs,
    checkSession: options.checkSession,
    metrics,
    onEnded(session) {
      metrics.sent('reauthenticate', session.streams.size)
      for (const stream of [...session.streams]) end(stream, 'session', REAUTHENTICATE)
    },
    onMissed(session) {
      for (const stream of session.streams) resync(stream)
    },
  })
  const itemIdsOf = (stream: Stream) => stream.lots.map(({ itemId }) => itemId)
  const resync = (stream: Stream) => {
    metrics.sent('resync', 1)
    write(stream, resyncFrame(fanOut.place(), itemIdsOf(stream)))
  }

  const sendOwn = (itemId: string, change: LiveChange, said: LiveChange['standings']) => {
    const lot = fanOut.find(itemId)
    if (lot === undefined) return
    const nowMs = performance.now()
    for (const { userId, standing } of said) {
      for (const stream of [...sessions.streamsOf(userId)]) {
        if (!lot.watchers.has(stream)) continue
        if (isGood(stream.session, nowMs)) {
          metrics.sent('own', 1)
          write(stream, ownFrame(fanOut.place(), itemId, standing, change.sequence))
        }
      }
    }
  }
  const isGood = (session: LiveSession | undefined, nowMs: number): boolean => {
    if (session === undefined) return false
    if (session.goodUntilMs > nowMs) return true
    session.hasMissed = true
    return false
  }

  /** Everything that a client missed, and the place from which it goes on. */
  const missedBy = (stream: Stream, after: number): Buffer[] => {
    const place = lots.latest()
    const unknown: string[] = []
    const frames: Buffer[] = []
    const isOwn = isGood(stream.session, performance.now())
    for (const itemId of itemIdsOf(stream)) {
      const { lot, standing, isResync } = lots.missed(
        itemId,
        after,
        isOwn ? stream.session?.userId : undefined,
      )
      if (isResync) unknown.push(itemId)
      if (lot !== undefined) frames.push(lotFrame(place, lot))
      if (standing !== undefined)
        frames.push(ownFrame(place, itemId, standing.standing, standing.sequence))
    }
    if (unknown.length > 0) {
      metrics.sent('resync', 1)
      frames.push(resyncFrame(place, unknown))
    }
    return frames
  }

  const beat = () => {
    const slot = slots[turn++ % TURNS] ?? new Set()
    const frame = heartbeatFrame(fanOut.place(), !isReading())
    const nowMs = performance.now()
    for (const stream of slot) {
      if (nowMs > stream.endsAtMs) end(stream, 'age')
      else write(stream, frame)
    }
    metrics.sent('heartbeat', slot.size)
  }
  // Identity may take as long as it likes: a heartbeat does not wait for it.
  const turns = repeat('live heartbeats', turnMs, log, async () => {
    beat()
    sessions.check().catch((error: unknown) => log.error({ err: error }, 'session checks failed'))
  })

  return {
    admit({ caller, network }) {
      if (isClosing) throw serviceUnavailable()
      if (streams.size >= limits.streams) {
        metrics.refused('process')
        throw notificationErrors.liveFull()
      }
      if (caller !== null && sessions.countOf(caller.id) >= limits.perUser) {
        metrics.refused('user')
        throw notificationErrors.liveTooMany({ limit: 'user', streams: limits.perUser })
      }
      if ((byNetwork.get(network) ?? 0) >= limits.perAddress) {
        metrics.refused('address')
        throw notificationErrors.liveTooMany({ limit: 'address', streams: limits.perAddress })
      }
    },
    open({ socket, head, itemIds, caller, token, network, after }) {
      const isUser = caller !== null && token !== undefined
      const slot = slots[opened++ % TURNS] ?? new Set()
      const watching: Stream['lots'][number][] = []
      const stream: Stream = {
        socket,
        lots: watching,
        session: isUser ? sessions.of(caller, token) : undefined,
        network,
        slot,
        endsAtMs: performance.now() + limits.lifetimeMs * (0.75 + Math.random() / 2),
      }
      streams.add(stream)
      slot.add(stream)
      byNetwork.set(network, (byNetwork.get(network) ?? 0) + 1)
      if (stream.session !== undefined) sessions.join(stream.session, stream)
      for (const itemId of itemIds) watching.push(fanOut.join(itemId, stream))
      socket.once('close', () => forget(stream, 'client'))
      write(
        stream,
        Buffer.concat([
          head,
          retryAtRandom(),
          ...(after === undefined ? [] : missedBy(stream, after)),
          heartbeatFrame(lots.latest(), !isReading()),
        ]),
      )
    },
    take(change, offset) {
      const nowMs = Date.now()
      const { update, standings } = lots.apply(change, offset, nowMs)
      if (change.madeAtMs > 0) metrics.read((nowMs - change.madeAtMs) / 1_000)
      const lot = fanOut.find(change.itemId)
      if (lot === undefined) return
      if (update !== undefined) fanOut.changed(lot, offset, change.madeAtMs)
      if (standings.length > 0) sendOwn(change.itemId, change, standings)
    },
    restart(offset) {
      lots.restart(offset)
      for (const stream of [...streams]) resync(stream)
    },
    connections: () => streams.size,
    async close() {
      isClosing = true
      await turns.stop()
      fanOut.stop()
      for (const stream of [...streams]) end(stream, 'stop')
    },
  }
}

const retryAtRandom = () =>
  RETRY_FRAMES[Math.floor(Math.random() * RETRY_FRAMES.length)] ?? retryFrame(RETRY_MS.to)
