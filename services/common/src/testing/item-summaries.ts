import {
  ITEM_SUMMARIES_PATH,
  ItemSummaries,
  ItemSummariesRequest,
  type ItemSummary,
} from '../contracts/item-summaries.ts'
import { defineError } from '../http/errors.ts'
import { buildServer } from '../http/server.ts'
import { createLogger } from '../process/logger.ts'
import { createRegistry } from '../telemetry/metrics.ts'
import type { Teardown } from './database.ts'
import type { TestIdentity } from './tokens.ts'

export interface Auction {
  url: string
  items: Map<string, ItemSummary>
  /**
   * How the next calls fare: answered, refused as if down, answered as by the version before `soldAt`, or refused because of
   * something else in the body.
   */
  mode: 'up' | 'down' | 'before' | 'refusing'
  /** The items that it was asked for, call by call. */
  asked: string[][]
  /** Of which instants, call by call; undefined: of now. */
  soldAt: (string[] | undefined)[]
}

const errors = {
  unauthenticated: defineError('item.unauthenticated', 'Log in.', 401),
  down: defineError('service.unavailable', 'Down.', 503),
  invalidBody: defineError('request.invalid_body', 'The request body is not valid.', 400),
}

/** auction as services know it that ask it what items are called: over real HTTP. */
export async function startAuction(t: Teardown, identity: TestIdentity): Promise<Auction> {
  const auction: Auction = { url: '', items: new Map(), mode: 'up', asked: [], soldAt: [] }
  const app = await buildServer({
    service: 'auction',
    log: createLogger('auction', 'silent'),
    registry: createRegistry('auction'),
    auth: { ...identity, unauthenticated: errors.unauthenticated },
  })
  app.post(
    ITEM_SUMMARIES_PATH,
    {
      config: { auth: 'service' },
      schema: { body: ItemSummariesRequest, response: { 200: ItemSummaries } },
    },
    async ({ body: { itemIds, soldAt } }) => {
      auction.asked.push(itemIds)
      auction.soldAt.push(soldAt)
      if (auction.mode === 'down') throw errors.down()
      // As the validator of that version says it, which knows no such field.
      if (auction.mode === 'before' && soldAt !== undefined) {
        throw errors.invalidBody({
          field: 'soldAt',
          reason: 'must NOT have additional properties',
        })
      }
      if (auction.mode === 'refusing' && soldAt !== undefined) {
        throw errors.invalidBody({ field: 'soldAt.0', reason: 'must match format "date-time"' })
      }
      return { items: itemIds.flatMap((id) => auction.items.get(id) ?? []) }
    },
  )
  auction.url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return auction
}
