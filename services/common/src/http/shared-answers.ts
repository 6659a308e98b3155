import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'

/** What is answered, without `serverTime`. */
export interface Answer {
  body: object
  /** The database's time, and `performance.now()` at that moment; absent: the end of the reading. */
  now: Date
  nowCameAtMs?: number
}

export interface SharedAnswers {
  /**
   * The answer to `key` as JSON with `serverTime`. A reading that began less than `maxAgeMs` before
   * the request is used again; otherwise `ask` reads, and `serialise` turns the answer into text
   * once for all who share it. Failures are not remembered.
   */
  of(key: string, ask: () => Promise<Answer>, serialise: Serialise): Promise<Buffer>
}

type Serialise = (answer: object) => string

interface Entry {
  reading: Promise<Reading>
  isOver: boolean
  /** Infinity until it begins: a request that comes before that shares it. */
  beganAtMs: number
  /** What it holds in memory; 0 until it is read. */
  bytes: number
  /** The one reading for all who came while this one was under way. */
  next?: Promise<Reading>
}

interface Reading {
  /** The JSON before and after the instant of `serverTime`. */
  head: Buffer
  tail: Buffer
  /** How far the database's clock is ahead of this process's. */
  aheadMs: number
  /** The latest whole answer, for other requests within the same millisecond. */
  lastAnswer: Buffer
  lastAnswerAtMs: number
}

const ENTRIES_MAX = 2_000
// An answer may hold a hundred long items. Requests for many different ones must not fill the memory.
const BYTES_MAX = 16 * 1024 * 1024
// A reading on a dead connection ends after seconds; the others do not wait for that.
const PATIENCE_MS = 250

/**
 * Answers that are the same for every caller. A page that thousands look at costs one reading for
 * all of them, and they see it as it was at most `maxAgeMs` before their request. With `maxAgeMs` 0
 * a request that arrives during a reading waits for the next one, and shares that.
 */
export function createSharedAnswers(
  maxAgeMs: number,
  monotonicMs: () => number = () => performance.now(),
): SharedAnswers {
  const entries = new Map<string, Entry>()
  let bytes = 0

  const drop = (key: string, entry: Entry) => {
    if (entries.get(key) !== entry) return
    entries.delete(key)
    bytes -= entry.bytes
  }
  const dropOldest = () => {
    for (const [key, entry] of entries) {
      if (entries.size <= ENTRIES_MAX && bytes <= BYTES_MAX) return
      drop(key, entry)
    }
  }

  const read = (
    key: string,
    ask: () => Promise<Answer>,
    serialise: Serialise,
  ): Promise<Reading> => {
    // All requests that arrived together share the reading, so it begins after this turn.
    const reading = nextTurn()
      .then(() => {
        entry.beganAtMs = monotonicMs()
        return ask()
      })
      .then(({ body, now, nowCameAtMs = monotonicMs() }) => ({
        ...splitAtInstant(serialise({ ...body, serverTime: PLACEHOLDER })),
        aheadMs: now.getTime() - nowCameAtMs,
        lastAnswer: Buffer.alloc(0),
        lastAnswerAtMs: Number.NaN,
      }))
    const entry: Entry = { reading, isOver: false, beganAtMs: Infinity, bytes: 0 }
    const before = entries.get(key)
    if (before !== undefined) drop(key, before)
    entries.set(key, entry)
    dropOldest()
    reading.then(
      ({ head, tail }) => {
        entry.isOver = true
        if (maxAgeMs === 0) return drop(key, entry)
        if (entries.get(key) !== entry) return
        // The latest whole answer is as large again.
        entry.bytes = 2 * (head.length + tail.length)
        bytes += entry.bytes
        dropOldest()
      },
      () => drop(key, entry),
    )
    return reading
  }

  return {
    async of(key, ask, serialise) {
      const known = entries.get(key)
      if (known === undefined) return give(await read(key, ask, serialise), monotonicMs())
      if (monotonicMs() - known.beganAtMs < maxAgeMs) {
        return give(await known.reading, monotonicMs())
      }
      if (known.isOver) return give(await read(key, ask, serialise), monotonicMs())
      known.next ??= overOrLate(known.reading).then(() => read(key, ask, serialise))
      return give(await known.next, monotonicMs())
    },
  }
}

/** Resolves when a reading is over, or takes so long that another one may be faster. */
function overOrLate(reading: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, PATIENCE_MS)
    const over = () => {
      clearTimeout(late)
      resolve()
    }
    reading.then(over, over)
  })
}

// No other value of an answer looks like this: the year is beyond every instant we store.
const PLACEHOLDER = '9999-12-31T23:59:59.999Z'
const MARK = `"serverTime":"${PLACEHOLDER}"`

function splitAtInstant(json: string): Pick<Reading, 'head' | 'tail'> {
  const start = json.indexOf(MARK)
  if (start === -1) throw new Error('a shared answer needs serverTime in its response schema')
  const instant = start + MARK.indexOf(PLACEHOLDER)
  return {
    head: Buffer.from(json.slice(0, instant)),
    tail: Buffer.from(json.slice(instant + PLACEHOLDER.length)),
  }
}

function give(reading: Reading, monotonicMs: number): Buffer {
  const nowMs = Math.floor(monotonicMs + reading.aheadMs)
  if (nowMs !== reading.lastAnswerAtMs) {
    const instant = Buffer.from(new Date(nowMs).toISOString())
    reading.lastAnswer = Buffer.concat([reading.head, instant, reading.tail])
    reading.lastAnswerAtMs = nowMs
  }
  return reading.lastAnswer
}

/**
 * Sends the shared answer to `key`, serialised by the route's response schema like every other
 * answer: a field that the schema does not name is not sent.
 */
export async function sendShared(
  reply: FastifyReply,
  shared: SharedAnswers,
  key: string,
  ask: () => Promise<Answer>,
): Promise<never> {
  const json = await shared.of(key, ask, (answer) => {
    const serialise = reply.getSerializationFunction('200')
    if (serialise === undefined) throw new Error('a shared answer needs a response schema')
    return serialise(answer as Record<string, unknown>)
  })
  return reply.type('application/json; charset=utf-8').send(json) as never
}
