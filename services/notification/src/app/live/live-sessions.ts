import type { Caller } from '@auction/common/http/auth.ts'
import type { SessionVerdict } from '#src/infra/identity/check-session.ts'
import type { LiveMetrics } from './live-metrics.ts'
import type { Stream } from './stream.ts'

/** A session of a user, with all streams that were opened in it. */
export interface LiveSession {
  readonly id: string
  readonly userId: string
  /** The token that came last, and expires last. */
  token: string
  readonly streams: Set<Stream>
  /** Nothing of the user's own is sent after this, by `performance.now()`. */
  goodUntilMs: number
  /** Something of the user's own was not sent. */
  hasMissed: boolean
}

export interface LiveSessions {
  /** The session of a token that was just verified. */
  of(caller: Caller, token: string): LiveSession
  join(session: LiveSession, stream: Stream): void
  leave(session: LiveSession, stream: Stream): void
  /** The streams of a user in all sessions. */
  streamsOf(userId: string): Iterable<Stream>
  countOf(userId: string): number
  /** Checks the sessions whose turn it is; all are checked once in `turns` calls. */
  check(): Promise<void>
}

export interface LiveSessionsOptions {
  turns: number
  /** So long a session is believed to go on after a check that said so began. */
  goodForMs: number
  checkSession(token: string): Promise<SessionVerdict>
  metrics: LiveMetrics
  onEnded(session: LiveSession): void
  /** The session is good again, and something was not sent meanwhile. */
  onMissed(session: LiveSession): void
}

const CHECKS_AT_ONCE = 16

/**
 * The sessions of open streams, which are checked again and again: a logout, a suspension and an
 * expired token all end them. While identity does not answer, streams go on without what is the
 * user's own.
 */
export function createLiveSessions(options: LiveSessionsOptions): LiveSessions {
  const { turns, goodForMs, checkSession, metrics } = options
  const byId = new Map<string, LiveSession>()
  const byUser = new Map<string, Set<LiveSession>>()
  const slots = Array.from({ length: turns }, () => new Set<LiveSession>())
  const busy = new Set<Set<LiveSession>>()
  let added = 0
  let turn = 0

  const checkOne = async (session: LiveSession) => {
    const { token } = session
    const begunAtMs = performance.now()
    const verdict = await checkSession(token)
    metrics.sessionChecked(verdict)
    // A newer token came meanwhile: this answer is about one that may just have expired.
    if (verdict === 'ended' && token === session.token) options.onEnded(session)
    if (verdict !== 'good') return
    session.goodUntilMs = begunAtMs + goodForMs
    if (!session.hasMissed) return
    session.hasMissed = false
    options.onMissed(session)
  }
  const forget = (session: LiveSession) => {
    byId.delete(session.id)
    for (const slot of slots) slot.delete(session)
    const ofUser = byUser.get(session.userId)
    ofUser?.delete(session)
    if (ofUser?.size === 0) byUser.delete(session.userId)
  }

  return {
    of({ sessionId, id: userId }, token) {
      const known = byId.get(sessionId)
      if (known !== undefined && known.userId === userId) {
        known.token = token
        return known
      }
      return {
        id: sessionId,
        userId,
        token,
        streams: new Set(),
        goodUntilMs: performance.now() + goodForMs,
        hasMissed: false,
      }
    },
    join(session, stream) {
      session.streams.add(stream)
      if (byId.get(session.id) === session) return
      byId.set(session.id, session)
      slots[added++ % turns]?.add(session)
      const ofUser = byUser.get(session.userId) ?? new Set()
      byUser.set(session.userId, ofUser.add(session))
    },
    leave(session, stream) {
      session.streams.delete(stream)
      if (session.streams.size === 0) forget(session)
    },
    *streamsOf(userId) {
      for (const session of byUser.get(userId) ?? []) yield* session.streams
    },
    countOf(userId) {
      let count = 0
      for (const { streams } of byUser.get(userId) ?? []) count += streams.size
      return count
    },
    async check() {
      const slot = slots[turn++ % turns] ?? new Set()
      // When identity takes longer than all turns, nothing is gained by asking it more.
      if (busy.has(slot)) return
      busy.add(slot)
      const due = [...slot].values()
      const work = async () => {
        for (const session of due) if (session.streams.size > 0) await checkOne(session)
      }
      await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, work))
      busy.delete(slot)
    },
  }
}
