export interface Progress {
  /** What is going on now: it replaces what it was before. */
  update(text: string): void
  /** A line that stays. */
  line(text: string): void
  /** Nothing is going on any more. */
  end(): void
}

interface Output {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

const LINE_INTERVAL_MS = 5_000
const REWRITE_INTERVAL_MS = 100

/** One line that is rewritten on a terminal; elsewhere a line every few seconds. */
export function createProgress(
  output: Output = process.stdout,
  now: () => number = () => performance.now(),
): Progress {
  const isTerminal = output.isTTY === true
  const intervalMs = isTerminal ? REWRITE_INTERVAL_MS : LINE_INTERVAL_MS
  const clear = isTerminal ? '\r\u001b[K' : ''
  let writtenAtMs = Number.NEGATIVE_INFINITY
  return {
    update(text) {
      if (now() - writtenAtMs < intervalMs) return
      writtenAtMs = now()
      if (isTerminal) output.write(`${clear}${text.slice(0, (output.columns ?? 80) - 1)}`)
      else output.write(`${text}\n`)
    },
    line(text) {
      output.write(`${clear}${text}\n`)
      writtenAtMs = Number.NEGATIVE_INFINITY
    },
    end() {
      output.write(clear)
    },
  }
}

/** For tests, which have their own output. */
export const noProgress: Progress = { update() {}, line() {}, end() {} }
