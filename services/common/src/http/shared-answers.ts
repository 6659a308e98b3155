import { setImmediate as heard } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'

/** What is answered, but for the server's time. */
export interface Answer {
  body: object
  /** The server's time, and what `performance.now` said when it came; the reading's end if absent. */
  now: Date
  nowCameAtMs?: number
}

export interface SharedAnswers {
  /**
   * The answer to `key` as JSON with `serverTime`. A reading that began less than the greatest age
   * before the question is given again; `ask` reads anew. Failures are not remembered.
   */
  of(key: string, ask: () => Promise<Answer>): Promise<Buffer>
}

interface Entry {
  reading: Promise<Reading>
  isOver: boolean
  /** Infinity until it begins: whoever asks before that has part in it. */
  beganAtMs: number
  /** What it holds in memory; 0 until it is read. */
  bytes: number
  /** The one reading for all who came while this one was under way. */
  next?: Promise<Reading>
}

interface Reading {
  /** JSON up to the instant. */
  head: Buffer
  /** What the server's clock said beyond this process's. */
  aheadMs: number
  /** The whole answer as it was given last, for others within the same millisecond. */
  given: Buffer
  givenAtMs: number
}

const ENTRIES_MAX = 2_000
// Answers of a hundred long items each: whoever asks for many different ones fills no memory.
const BYTES_MAX = 16 * 1024 * 1024
// A reading on a connection that is dead ends after seconds; the others do not wait for that.
const PATIENCE_MS = 250

/**
 * Answers that are the same for everybody. A page that thousands look at costs one reading for all
 * of them, and they see it as it was at most `maxAgeMs` before they asked. With 0 nobody gets a reading that began
 * before they asked: who comes during one waits for the next, together with the others.
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

  const read = (key: string, ask: () => Promise<Answer>): Promise<Reading> => {
    // The requests that arrived together are all heard before the one reading for them begins.
    const reading = heard()
      .then(() => {
        entry.beganAtMs = monotonicMs()
        return ask()
      })
      .then(({ body, now, nowCameAtMs = monotonicMs() }) => {
        const json = JSON.stringify(body)
        return {
          head: Buffer.from(`${json.slice(0, -1)}${json === '{}' ? '' : ','}"serverTime":"`),
          aheadMs: now.getTime() - nowCameAtMs,
          given: Buffer.alloc(0),
          givenAtMs: Number.NaN,
        }
      })
    const entry: Entry = { reading, isOver: false, beganAtMs: Infinity, bytes: 0 }
    const before = entries.get(key)
    if (before !== undefined) drop(key, before)
    entries.set(key, entry)
    dropOldest()
    reading.then(
      ({ head }) => {
        entry.isOver = true
        if (maxAgeMs === 0) return drop(key, entry)
        if (entries.get(key) !== entry) return
        // The answer as it was given last is as large again.
        entry.bytes = 2 * head.length
        bytes += entry.bytes
        dropOldest()
      },
      () => drop(key, entry),
    )
    return reading
  }

  return {
    async of(key, ask) {
      const known = entries.get(key)
      if (known === undefined) return give(await read(key, ask), monotonicMs())
      if (monotonicMs() - known.beganAtMs < maxAgeMs) {
        return give(await known.reading, monotonicMs())
      }
      if (known.isOver) return give(await read(key, ask), monotonicMs())
      known.next ??= overOrLate(known.reading).then(() => read(key, ask))
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

function give(reading: Reading, monotonicMs: number): Buffer {
  const nowMs = Math.floor(monotonicMs + reading.aheadMs)
  if (nowMs !== reading.givenAtMs) {
    const tail = Buffer.from(`${new Date(nowMs).toISOString()}"}`)
    reading.given = Buffer.concat([reading.head, tail])
    reading.givenAtMs = nowMs
  }
  return reading.given
}

/** Sends an answer that is JSON already: Fastify sends bytes as they are. */
export function sendJson(reply: FastifyReply, json: Buffer): never {
  return reply.type('application/json; charset=utf-8').send(json) as never
}
