import type { Logger } from '@auction/common/process/logger.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Kysely } from 'kysely'
import { type Item, isPublic } from '#src/domain/item.ts'
import { readItem } from '#src/infra/postgres/item/items.ts'
import { markTermsApplied } from '#src/infra/postgres/lot-terms/terms.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { lotTerms } from './item-terms.ts'
import type { TermsClient } from './terms-client.ts'

export interface PushDependencies {
  db: Kysely<Database>
  terms: TermsClient
  log: Logger
}

/**
 * Pushes the committed terms of an item to the bid service. Does not throw when that service is
 * unreachable: it pulls the terms on item.published, and the sweeper pushes them again.
 */
export async function pushTerms(
  { db, terms, log }: PushDependencies,
  item: Item,
  trace: Trace,
): Promise<void> {
  const { id: itemId, termsVersion } = item
  try {
    const verdict = await terms.apply(lotTerms(item, item, termsVersion), trace)
    // The lot has newer terms or is closed: nothing is left to push.
    const isDone =
      verdict.kind === 'applied' ||
      verdict.reason === 'stale_terms' ||
      verdict.reason === 'not_active'
    if (isDone) await markTermsApplied(db, itemId, termsVersion)
    else {
      log.error({ itemId, termsVersion, reason: verdict.reason }, 'published terms refused by bid')
    }
  } catch (error) {
    log.warn({ err: error, itemId, termsVersion }, 'terms not pushed, will be pushed again')
  }
}

/** Pushes the terms an item has now, unless it is not public any more. */
export async function pushCurrentTerms(
  dependencies: PushDependencies,
  itemId: string,
  trace: Trace,
): Promise<void> {
  const read = await readItem(dependencies.db, itemId)
  if (read === undefined || !isPublic(read.item.status)) return
  await pushTerms(dependencies, read.item, trace)
}
