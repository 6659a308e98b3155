import { setTimeout as wait } from 'node:timers/promises'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Platform } from '@auction/local/platform.ts'
import type { Chance, SentBid } from './history.ts'

export interface Fault {
  name: string
  /** From the kill to the next accepted bid that a client got an answer for. */
  recoveryMs: number
}

export interface FaultOptions {
  platform: Platform
  chance: Chance
  rounds: number
  history: SentBid[]
  acceptedCount: () => number
  log: (line: string) => void
}

const VICTIMS = [
  'bid-api',
  'bid-worker',
  'auction-api',
  'auction-worker',
  'identity-api',
  'identity-worker',
  'postgres',
  'rabbitmq',
] as const

const RECOVERY_TIMEOUT_MS = 60_000

/** Kills one process a round with -9 at a random moment, starts it again, waits for bids to flow. */
export async function runFaults(options: FaultOptions): Promise<Fault[]> {
  const { platform, chance, rounds, history, acceptedCount, log } = options
  const faults: Fault[] = []
  let victims: string[] = []
  await waitForMore(acceptedCount, 50)
  for (let round = 1; round <= rounds; round += 1) {
    // Every process has its turn before any has its second.
    if (victims.length === 0) victims = chance.shuffled(VICTIMS)
    const name = victims.pop() ?? 'bid-api'
    await wait(500 + chance.below(2_000))
    const underWay = history.filter(({ status }) => status === 'unknown').length
    const killedAtMs = performance.now()
    await platform.kill(name)
    await wait(chance.below(1_000))
    await platform.restart(name)
    const readyMs = performance.now() - killedAtMs
    await waitForMore(acceptedCount, 1)
    const recoveryMs = performance.now() - killedAtMs
    faults.push({ name, recoveryMs })
    log(
      `round ${String(round).padStart(3)}  ${name.padEnd(16)} ${underWay} bids under way, ready after ${readyMs.toFixed(0)} ms, bids after ${recoveryMs.toFixed(0)} ms`,
    )
  }
  return faults
}

async function waitForMore(count: () => number, more: number): Promise<void> {
  const target = count() + more
  await waitFor('bids to be accepted again', () => count() >= target, RECOVERY_TIMEOUT_MS, 20)
}
