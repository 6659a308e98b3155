import { serviceUnavailable } from '@auction/common/http/errors.ts'

const BATCH_MAX = 256
const WAITING_MAX = 5_000

interface Waiting<V> {
  key: string
  resolve(value: V | undefined): void
  reject(error: unknown): void
}

/**
 * Reads by key, asking the database at every call; nothing is cached. Calls that arrive while a
 * query is under way share the next one, which begins after all of them came: one query for
 * hundreds of calls under load, and no delay without.
 */
export function createBatchedRead<V>(
  read: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
): (key: string) => Promise<V | undefined> {
  let waiting: Waiting<V>[] = []
  let isRunning = false

  const answer = async (batch: readonly Waiting<V>[]) => {
    try {
      const found = await read([...new Set(batch.map(({ key }) => key))])
      for (const { key, resolve } of batch) resolve(found.get(key))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  const drain = async () => {
    isRunning = true
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH_MAX)
      waiting = waiting.slice(BATCH_MAX)
      await answer(batch)
    }
    isRunning = false
  }

  return async (key) => {
    if (waiting.length >= WAITING_MAX) throw serviceUnavailable()
    return new Promise<V | undefined>((resolve, reject) => {
      waiting.push({ key, resolve, reject })
      if (!isRunning) void drain()
    })
  }
}
