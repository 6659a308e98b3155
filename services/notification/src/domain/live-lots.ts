import type { LiveChange, LiveLot, LotNews, Standing } from './live-change.ts'

export interface LiveLotsOptions {
  /** Lots and standings that are remembered at most. */
  entriesMax: number
  /** A lot without events is forgotten after so long. */
  keepMs: number
  /** An older event of a lot that is not known may be a repetition. */
  freshMs: number
}

/** What is to be sent because of an event. */
export interface Applied {
  /** `lot`: its new state. `resync`: it changed and the state is not known here. */
  update: 'lot' | 'resync' | undefined
  standings: { userId: string; standing: Standing }[]
}

/** What a watcher missed of a lot. */
export interface Missed {
  lot?: LiveLot
  standing?: { standing: Standing; sequence: number }
  /** More was missed than is known: the lot must be read. */
  isResync: boolean
}

export interface LiveLots {
  apply(change: LiveChange, offset: number, nowMs: number): Applied
  /** The newest state; undefined when only a part of it is known. */
  lot(itemId: string): LiveLot | undefined
  /** What happened after the event at that offset. */
  missed(itemId: string, after: number, userId: string | undefined): Missed
  /** Forgets everything: events before that offset were missed. */
  restart(offset: number): void
  /** The highest offset that was applied; undefined before the first. */
  latest(): number | undefined
  /** How many lots are known. */
  size(): number
}

interface Known {
  /** Of the newest change that all may see; undefined when none came yet. */
  sequence: number | undefined
  /** Undefined when the newest change gave a part only. */
  lot: LiveLot | undefined
  /** Where that change stood in the stream. */
  changedAt: number
  /** Nothing of this lot was missed from here on. */
  wholeSince: number
  standings: Map<string, { standing: Standing; sequence: number; changedAt: number }>
  latest: number
  touchedAtMs: number
}

const NONE: Applied = { update: undefined, standings: [] }

/**
 * The newest state of the lots that had events lately, from events that come twice, late and in any
 * order. A lot's sequence decides what is news; the place of an event in the stream only decides what
 * a watcher who was away has missed. Only the newest state is kept, because nothing else is sent.
 */
export function createLiveLots({ entriesMax, keepMs, freshMs }: LiveLotsOptions): LiveLots {
  // By the time of their last event, the oldest first.
  const lots = new Map<string, Known>()
  let entries = 0
  let latest: number | undefined
  // What happened up to here is not known, unless a lot's own state says more.
  let unknownUntil = Number.POSITIVE_INFINITY

  const evict = (nowMs: number) => {
    for (const [itemId, known] of lots) {
      if (entries <= entriesMax && nowMs - known.touchedAtMs <= keepMs) return
      lots.delete(itemId)
      entries -= 1 + known.standings.size
      unknownUntil = Math.max(unknownUntil, known.latest)
    }
  }
  const touch = (itemId: string, offset: number, nowMs: number): Known => {
    const known = lots.get(itemId) ?? newlyKnown(unknownUntil, offset)
    if (!lots.delete(itemId)) entries += 1
    known.touchedAtMs = nowMs
    known.latest = offset
    lots.set(itemId, known)
    return known
  }

  return {
    apply(change, offset, nowMs) {
      if (latest === undefined) unknownUntil = offset - 1
      latest = offset
      const known = touch(change.itemId, offset, nowMs)
      const isFresh = nowMs - change.madeAtMs <= freshMs
      const before = known.standings.size
      const applied = {
        update: applyNews(known, change, offset, isFresh),
        standings: applyStandings(known, change, offset, isFresh),
      }
      entries += known.standings.size - before
      evict(nowMs)
      return applied.update === undefined && applied.standings.length === 0 ? NONE : applied
    },
    lot: (itemId) => lots.get(itemId)?.lot,
    missed(itemId, after, userId) {
      // A place that is not reached yet is one in another stream, or this process is late.
      if (latest === undefined || after > latest) return { isResync: true }
      const known = lots.get(itemId)
      if (known === undefined) return { isResync: after < unknownUntil }
      if (after < known.wholeSince) return { isResync: true }
      const standing = userId === undefined ? undefined : known.standings.get(userId)
      const isChanged = known.sequence !== undefined && known.changedAt > after
      return {
        isResync: isChanged && known.lot === undefined,
        ...(isChanged && known.lot !== undefined ? { lot: known.lot } : {}),
        ...(standing === undefined || standing.changedAt <= after ? {} : { standing }),
      }
    },
    restart(offset) {
      lots.clear()
      entries = 0
      latest = offset - 1
      unknownUntil = offset - 1
    },
    latest: () => latest,
    size: () => lots.size,
  }
}

const newlyKnown = (wholeSince: number, offset: number): Known => ({
  sequence: undefined,
  lot: undefined,
  changedAt: offset,
  wholeSince,
  standings: new Map(),
  latest: offset,
  touchedAtMs: 0,
})

function applyNews(
  known: Known,
  { news, sequence }: LiveChange,
  offset: number,
  isFresh: boolean,
): Applied['update'] {
  // An old event of a lot that is not known may be the repetition of one that others followed.
  const isDoubtful = known.sequence === undefined && !isFresh
  if (news.kind === 'none' && !isDoubtful) return undefined
  if (known.sequence !== undefined && sequence <= known.sequence) return undefined
  known.lot = isDoubtful ? undefined : merge(known, news, sequence)
  known.sequence = sequence
  known.changedAt = offset
  return known.lot === undefined ? 'resync' : 'lot'
}

/** A part is only shown on top of the change just before it: another one may be on its way. */
function merge({ lot, sequence }: Known, news: LotNews, next: number): LiveLot | undefined {
  if (news.kind === 'whole') return news.lot
  if (news.kind === 'none' || lot === undefined || sequence !== next - 1) return undefined
  const { currentPrice } = news.part
  // With another price there is another minimum, which a part does not give.
  if (currentPrice !== undefined && currentPrice !== lot.currentPrice) return undefined
  return { ...lot, ...news.part, sequence: next }
}

/** Keeps who stands how, and answers for whom that is another standing than before. */
function applyStandings(
  { standings, sequence: newest, lot }: Known,
  { standings: said, sequence }: LiveChange,
  offset: number,
  isFresh: boolean,
): Applied['standings'] {
  const changed: Applied['standings'] = []
  for (const { userId, standing } of said) {
    const before = standings.get(userId)
    if (before !== undefined && sequence <= before.sequence) continue
    // Old and perhaps repeated: only what belongs to the state that was sent is believed.
    const isDoubtful = before === undefined && !isFresh
    if (isDoubtful && (lot === undefined || newest === undefined || sequence < newest)) continue
    if (before !== undefined && before.standing === standing) {
      before.sequence = sequence
      continue
    }
    standings.set(userId, { standing, sequence, changedAt: offset })
    changed.push({ userId, standing })
  }
  return changed
}
