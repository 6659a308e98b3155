/** Every place in the queue is taken: the caller is refused at once instead of waiting. */
export class PermitsFullError extends Error {
  override readonly name = 'PermitsFullError'
}

export interface Permits {
  /** Runs `work` when a permit is free. Throws PermitsFullError when too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T>
  readonly active: number
  readonly waiting: number
}

/**
 * At most `concurrency` works at once, at most `queueMax` behind them, first come first served. A
 * permit is given back when its work is done, not when its client is gone, so hanging up after
 * every request cannot make the process do more than it has memory for.
 */
export function createPermits(options: { concurrency: number; queueMax: number }): Permits {
  const waiting: (() => void)[] = []
  let active = 0
  return {
    async run(work) {
      if (active < options.concurrency) active += 1
      else if (waiting.length >= options.queueMax) throw new PermitsFullError('no place to wait')
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        return await work()
      } finally {
        // The permit goes straight to the next in line, so no other caller can take it.
        const next = waiting.shift()
        if (next === undefined) active -= 1
        else next()
      }
    },
    get active() {
      return active
    },
    get waiting() {
      return waiting.length
    },
  }
}
