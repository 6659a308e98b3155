import type { ApiClient } from '#src/api-client.ts'
import { join, type Person, sell } from '#src/people.ts'

const LOTS = 300
const BIDDERS = 16

/** Lots that take small steps for an hour, and people who may bid on them. */
export async function openLots(
  client: ApiClient,
): Promise<{ itemIds: string[]; bidders: Person[] }> {
  const run = Date.now().toString(36)
  const people = await Promise.all(
    Array.from({ length: BIDDERS + 1 }, (_, index) =>
      join(client, `p${index}`, `p${index}-${run}`),
    ),
  )
  const [seller, ...bidders] = people
  if (seller === undefined) throw new Error('there is no seller')
  const itemIds: string[] = []
  for (let index = 0; index < LOTS; index += 1) {
    const terms = { bidIncrement: '0.01' }
    const item = { name: `lot ${index}`, startPrice: '100000.00', durationMs: 3_600_000, terms }
    itemIds.push((await sell(client, seller, item)).id)
  }
  return { itemIds, bidders }
}
