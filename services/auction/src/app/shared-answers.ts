/** What is answered, but for the server's time, and when that was true. */
export interface Answer {
  body: object
  now: Date
}

export interface SharedAnswers {
  /**
   * The answer to `key` as JSON with `serverTime`. One that was read less than the greatest age ago,
   * or is being read, is given again; `ask` reads anew. Failures are not remembered.
   */
  of(key: string, ask: () => Promise<Answer>): Promise<Buffer>
}

interface Entry {
  reading: Promise<Reading>
  isRead: boolean
  readAtMs: number
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

/**
 * Answers that are the same for everybody. A page that thousands look at costs one reading for all
 * of them, and they see it as it was at most `maxAgeMs` ago; 0 shares only what is read at once.
 */
export function createSharedAnswers(
  maxAgeMs: number,
  monotonicMs: () => number = () => performance.now(),
): SharedAnswers {
  const entries = new Map<string, Entry>()

  const read = (key: string, ask: () => Promise<Answer>): Entry => {
    const entry: Entry = {
      isRead: false,
      readAtMs: monotonicMs(),
      reading: ask().then(({ body, now }) => {
        entry.isRead = true
        const json = JSON.stringify(body)
        return {
          head: Buffer.from(`${json.slice(0, -1)}${json === '{}' ? '' : ','}"serverTime":"`),
          aheadMs: now.getTime() - monotonicMs(),
          given: Buffer.alloc(0),
          givenAtMs: Number.NaN,
        }
      }),
    }
    entry.reading.catch(() => {
      if (entries.get(key) === entry) entries.delete(key)
    })
    entries.delete(key)
    entries.set(key, entry)
    const [oldest] = entries.keys()
    if (entries.size > ENTRIES_MAX && oldest !== undefined) entries.delete(oldest)
    return entry
  }

  return {
    async of(key, ask) {
      const known = entries.get(key)
      const isGood =
        known !== undefined && (!known.isRead || monotonicMs() - known.readAtMs < maxAgeMs)
      return give(await (isGood ? known : read(key, ask)).reading, monotonicMs())
    },
  }
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
