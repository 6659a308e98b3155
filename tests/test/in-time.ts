const LONGER_BY = 4
const TRIES_MAX = 4

/**
 * Does what must be over before a lot ends. Answers what `work` answers; undefined says that the
 * machine was too slow, and then it is done again with a lot that lasts four times as long.
 */
export async function inTime<T>(
  firstMs: number,
  work: (durationMs: number) => Promise<T | undefined>,
): Promise<T> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const done = await work(firstMs * LONGER_BY ** tries)
    if (done !== undefined) return done
  }
  throw new Error(`${TRIES_MAX} lots ended before their bids were made`)
}
