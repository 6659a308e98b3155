import { check, queuesOf, settled } from '#src/crash/check.ts'
import { openWays } from './installation.ts'
import type { Ground } from './replacing.ts'
import type { Watch } from './traffic.ts'

/** What a phase works with: `fail` notes what did not hold and lets the next thing be tried. */
export interface Court extends Ground {
  /** Where pods reach this machine; the address of the first node when absent. */
  hostAddress: string | undefined
  fail: (what: string) => void
}

/** While pods come and go in an orderly way, no request fails. */
export function judge({ log, fail }: Court, { requests, troubles }: Watch): void {
  log(`  ${requests} requests, ${troubles.length} failed`)
  const sinceMs = troubles[0]?.atMs ?? 0
  for (const { what, atMs } of troubles.slice(0, 10))
    log(`    ${((atMs - sinceMs) / 1000).toFixed(1)} s after the first: ${what}`)
  if (troubles.length > 0) fail(`${troubles.length} requests failed`)
}

/** Troubles with what differs between two of a kind taken out, the most frequent first. */
export function byKind({ troubles }: Watch): [string, number][] {
  const counts = new Map<string, number>()
  for (const { what } of troubles) {
    const kind = what.replace(/[0-9a-f-]{32,36}/g, '…').replace(/traceId.*/, '')
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].sort(([, left], [, right]) => right - left).slice(0, 8)
}

/** Clients, ledger, lots, read model, outboxes and queues agree. */
export async function compare({ cluster, record, log, fail }: Court): Promise<void> {
  const ways = await openWays(cluster)
  try {
    await settled(ways.databaseUrl, ways.managementUrl)
    const counts = await check(ways.databaseUrl, record.history)
    const queues = await queuesOf(ways.managementUrl)
    log(
      `  ${counts.acknowledged} bids acknowledged, ${counts.lost} lost, ${counts.double} double; ${counts.lots} lots, ${counts.readModelDifferences} differ in the read model; ${queues.deadLetters} dead letters`,
    )
    for (const bid of counts.lostBids.slice(0, 10)) log(`    lost: ${JSON.stringify(bid)}`)
    const faults: [string, number][] = [
      ['bids lost', counts.lost],
      ['bids twice', counts.double],
      ['wrong winners', counts.wrongWinners],
      ['violations of the ledger', counts.violations.length],
      ['events not sent', counts.eventsUnsent],
      ['differences of the read model', counts.readModelDifferences],
      ['dead letters', queues.deadLetters],
    ]
    for (const [what, count] of faults) if (count > 0) fail(`${count} ${what}`)
  } finally {
    ways.close()
  }
}
