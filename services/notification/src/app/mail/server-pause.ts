import { pauseSeconds } from '#src/domain/mail-retry.ts'

/** Whether the mail server is worth asking; shared by everything in a process that sends mails. */
export interface ServerPause {
  isOver(): boolean
  /** The server was not there, or refused us: nothing is sent for a while, longer each time. */
  failed(): void
  worked(): void
}

/** Many mails wait while a server is down. One at a time finds out when it is back, and not each of them. */
export function createServerPause(nowMs: () => number = () => performance.now()): ServerPause {
  let failures = 0
  let endsAtMs = 0
  return {
    isOver: () => nowMs() >= endsAtMs,
    failed() {
      // Several mails that were under way together are one failure.
      if (nowMs() < endsAtMs) return
      failures += 1
      endsAtMs = nowMs() + pauseSeconds(failures) * 1_000
    },
    worked() {
      failures = 0
      endsAtMs = 0
    },
  }
}
