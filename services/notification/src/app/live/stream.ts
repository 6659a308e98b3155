import type { Socket } from 'node:net'
import type { WatchedLot } from './fan-out.ts'
import type { LiveSession } from './live-sessions.ts'

/** One client that is sent events until it goes. */
export interface Stream {
  readonly socket: Socket
  readonly lots: readonly WatchedLot[]
  /** Absent for a visitor who is not logged in. */
  readonly session: LiveSession | undefined
  /** Address or network that it is counted under. */
  readonly network: string
  /** The streams that get their heartbeat together with this one. */
  readonly slot: Set<Stream>
  /** By `performance.now()`. */
  readonly endsAtMs: number
}
