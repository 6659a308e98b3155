import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Cost } from '@auction/common/testing/cost.ts'

const AUCTION = fileURLToPath(new URL('../../../services/auction', import.meta.url))

/** A rough upper bound, with indexes, WAL and room for a vacuum. */
export const bytesNeededForItems = (items: number): number => items * 8_000

/** What lists, searches and timers of the auction service cost over so many items, by the name of the work. */
export async function measureItemCosts(
  postgresUrl: string,
  items: number,
): Promise<Map<string, Cost>> {
  const child = fork('test/scale-costs.ts', [], {
    cwd: AUCTION,
    env: { ...process.env, ITEMS: String(items), TEST_POSTGRES_URL: postgresUrl },
  })
  const ended = once(child, 'exit')
  const sent = await Promise.race([once(child, 'message'), ended.then(() => undefined)])
  const [code] = await ended
  if (sent === undefined || code !== 0) throw new Error(`the work on items ended with ${code}`)
  return new Map(sent[0] as [string, Cost][])
}
