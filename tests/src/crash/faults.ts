import { setTimeout as wait } from 'node:timers/promises'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Platform } from '@auction/local/platform.ts'
import pg from 'pg'
import type { Chance, SentBid } from './history.ts'
import { makeCommitsLate } from './late-standby.ts'
import type { OpenLot } from './load.ts'

export interface Fault {
  name: string
  /**
   * To the next accepted bid that a client got an answer for: from the kill, or from the end of what
   * ends by itself.
   */
  recoveryMs: number
}

export interface FaultsResult {
  faults: Fault[]
  /** Why the run ended before its last round. */
  failure?: { round: number; name: string; problem: string }
}

export interface FaultOptions {
  platform: Platform
  chance: Chance
  rounds: number
  kinds: readonly FaultKind[]
  history: SentBid[]
  acceptedCount: () => number
  openLots: () => readonly OpenLot[]
  log: (line: string) => void
}

export const FAULT_KINDS = ['kill', 'freeze', 'hold', 'late'] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** Where each kind strikes; 'hold' and 'late' are there more than once, or they would be rare. */
const TARGETS: Readonly<Record<FaultKind, readonly string[]>> = {
  kill: [
    'bid-api',
    'bid-worker',
    'auction-api',
    'auction-worker',
    'identity-api',
    'identity-worker',
    'notification-api',
    'notification-worker',
    'order-api',
    'order-worker',
    'postgres',
    'rabbitmq',
  ],
  // PostgreSQL's own processes leave its group, so a signal would freeze the first of them only.
  freeze: [
    'bid-api',
    'bid-worker',
    'auction-api',
    'auction-worker',
    'identity-api',
    'identity-worker',
    'notification-worker',
    'order-worker',
    'rabbitmq',
  ],
  hold: ['a lot', 'a lot'],
  late: ['commits', 'commits'],
}

/** What delays bids, and stops none of the others. */
const GOES_ON: ReadonlySet<FaultKind> = new Set(['hold', 'late'])

const RECOVERY_TIMEOUT_MS = 60_000
/** Longer than the lease of a relay, which is ten seconds. */
const FROZEN_MS = 11_000
const HELD_MS = 8_000
const LATE_MS = 8_000
const COMMIT_DELAY_MS = 200

/**
 * Does one bad thing a round at a random moment, and waits for bids to flow again. Ends early, with
 * the reason, when they do not or when a process does not start again.
 */
export async function runFaults(options: FaultOptions): Promise<FaultsResult> {
  const { chance, rounds, kinds, history, acceptedCount, log } = options
  const all = kinds.flatMap((kind) => TARGETS[kind].map((target) => ({ kind, target })))
  const faults: Fault[] = []
  let left: typeof all = []
  let round = 0
  let name = 'the start'
  try {
    await waitForMore(acceptedCount, 50)
    for (round = 1; round <= rounds; round += 1) {
      // Everything has its turn before anything has its second.
      if (left.length === 0) left = chance.shuffled(all)
      const next = left.pop()
      if (next === undefined) break
      name = `${next.kind} ${next.target}`
      await wait(500 + chance.below(2_000))
      const underWay = history.filter(({ status }) => status === 'unknown').length
      const accepted = acceptedCount()
      const { sinceMs, what } = await STRIKES[next.kind](options, next.target)
      const meanwhile = acceptedCount() - accepted
      if (meanwhile === 0 && GOES_ON.has(next.kind))
        throw new Error('no bid was accepted meanwhile')
      await waitForMore(acceptedCount, 1)
      const recoveryMs = performance.now() - sinceMs
      faults.push({ name, recoveryMs })
      log(
        `round ${String(round).padStart(3)}  ${name.padEnd(22)} ${underWay} bids under way, ${what}, ${meanwhile} accepted meanwhile, bids after ${recoveryMs.toFixed(0)} ms`,
      )
    }
    return { faults }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return { faults, failure: { round, name, problem } }
  }
}

/** Does it to the end; answers since when bids must be accepted again. */
type Strike = (options: FaultOptions, target: string) => Promise<{ sinceMs: number; what: string }>

const STRIKES: Readonly<Record<FaultKind, Strike>> = {
  async kill({ platform, chance }, target) {
    const sinceMs = performance.now()
    await platform.kill(target)
    await wait(chance.below(1_000))
    await platform.restart(target)
    return { sinceMs, what: `ready after ${(performance.now() - sinceMs).toFixed(0)} ms` }
  },
  async freeze({ platform, chance }, target) {
    const frozenMs = FROZEN_MS + chance.below(3_000)
    await platform.kill(target, 'SIGSTOP')
    try {
      await wait(frozenMs)
    } finally {
      await platform.kill(target, 'SIGCONT')
    }
    return { sinceMs: performance.now(), what: `frozen for ${frozenMs} ms` }
  },
  async hold({ platform, chance, openLots }) {
    const lots = await waitFor('an open lot', () =>
      openLots().length > 0 ? openLots() : undefined,
    )
    await holdLot(platform.postgres.url('bid'), chance.pick(lots).id, () => wait(HELD_MS))
    return { sinceMs: performance.now(), what: `held for ${HELD_MS} ms` }
  },
  async late({ platform }) {
    const end = await makeCommitsLate(platform.postgres.adminUrl, COMMIT_DELAY_MS)
    try {
      await wait(LATE_MS)
    } finally {
      await end()
    }
    return { sinceMs: performance.now(), what: `${COMMIT_DELAY_MS} ms late for ${LATE_MS} ms` }
  },
}

/** Locks a lot's row while `work` runs, as an operator's session would that was left open. */
export async function holdLot(
  url: string,
  itemId: string,
  work: () => Promise<unknown>,
): Promise<void> {
  const session = new pg.Client({ connectionString: url, application_name: 'psql' })
  session.on('error', () => undefined)
  await session.connect()
  try {
    await session.query('begin')
    const held = await session.query('select 1 from lots where item_id = $1 for update', [itemId])
    if (held.rowCount !== 1) throw new Error(`bid has no lot ${itemId} that could be held`)
    await work()
    await session.query('commit')
  } finally {
    await session.end()
  }
}

async function waitForMore(count: () => number, more: number): Promise<void> {
  const target = count() + more
  await waitFor('bids to be accepted again', () => count() >= target, RECOVERY_TIMEOUT_MS, 20)
}
