import { itemSearchMatched } from '@auction/common/contracts/auction.ts'
import { createEvent } from '@auction/common/contracts/event.ts'
import { formatAmount } from '@auction/common/money.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely, Transaction } from 'kysely'
import type { Item } from '#src/domain/item.ts'
import { readItem } from '#src/infra/postgres/item/items.ts'
import {
  advanceMatchJob,
  type MatchJob,
  matchBatch,
  postponeMatchJob,
  readBatchEnd,
  type SavedSearchMatch,
  takeMatchJob,
} from '#src/infra/postgres/saved-searches/match-jobs.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { SearchMetrics } from './metrics.ts'

// Searches that one transaction matches: some milliseconds of work, so locks are held briefly.
const BATCH_SIZE = 2_000
// A worker that stops waits for this to end.
const WORK_MS = 10_000
// A row of the outbox is published as a whole, so a long one would delay the others.
const EVENTS_PER_ROW = 50

export interface MatchDependencies {
  db: Kysely<Database>
  searches: Pick<SearchMetrics, 'matched'>
}

/**
 * Notifies owners of saved searches that match new items. Matches, progress and events are one commit,
 * so a crash repeats nothing and loses nothing. Returns how many searches matched. Throws the first
 * failure when the other items are done; the item that failed is tried again later.
 */
export async function matchSavedSearches(
  { db, searches }: MatchDependencies,
  batchSize = BATCH_SIZE,
  workMs = WORK_MS,
): Promise<number> {
  let matched = 0
  const failures: unknown[] = []
  const untilMs = performance.now() + workMs
  while (performance.now() < untilMs) {
    const matches = await matchNext(db, batchSize, failures)
    if (matches === undefined) break
    searches.matched(matches)
    matched += matches
  }
  if (failures.length > 0) throw failures[0]
  return matched
}

/** How many searches matched; undefined when no item waits. An item that fails is tried again later. */
async function matchNext(
  db: Kysely<Database>,
  batchSize: number,
  failures: unknown[],
): Promise<number | undefined> {
  let taken: MatchJob | undefined
  try {
    return await outboxTransaction(db, async (tx) => {
      taken = await takeMatchJob(tx)
      return taken === undefined ? undefined : matchBatchOf(tx, taken, batchSize)
    })
  } catch (error) {
    if (taken === undefined) throw error
    await postponeMatchJob(db, taken.seq)
    failures.push(error)
    return 0
  }
}

async function matchBatchOf(
  tx: Transaction<Database>,
  matching: MatchJob,
  batchSize: number,
): Promise<number> {
  const last = await readBatchEnd(tx, matching, batchSize)
  const matches = await matchBatch(tx, matching, last)
  await advanceMatchJob(tx, matching.seq, last)
  const read = matches.length === 0 ? undefined : await readItem(tx, matching.itemId)
  if (read !== undefined) await publishMatches(tx, read.item, matches)
  return matches.length
}

async function publishMatches(
  tx: Transaction<Database>,
  item: Item,
  matches: readonly SavedSearchMatch[],
): Promise<void> {
  const trace = ownTrace('match searches')
  const about = {
    itemId: item.id,
    itemName: item.name,
    sellerId: item.sellerId,
    currencyCode: item.currencyCode,
    currentPrice: formatAmount(item.currentPrice, item.currencyCode),
    startDate: item.startDate.toISOString(),
    endDate: item.currentEndDate.toISOString(),
  }
  const written = matches.map(({ savedSearchId, userId, name }) =>
    createEvent(
      itemSearchMatched,
      { aggregateId: item.id, trace },
      { savedSearchId, userId, searchName: name, ...about },
    ),
  )
  for (let at = 0; at < written.length; at += EVENTS_PER_ROW) {
    await writeOutbox(tx, written.slice(at, at + EVENTS_PER_ROW))
  }
}
