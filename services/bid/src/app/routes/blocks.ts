import { answers, Instant, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { alias } from '#src/app/lot-view.ts'
import { bidErrors } from '#src/errors.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  type BlockedBidder,
  deleteBlock,
  insertBlock,
  readBlocks,
  readNumberedBidder,
} from '#src/infra/postgres/seller-blocks.ts'

const BLOCKS_MAX = 500
const BY_ACCOUNT = '/api/v1/blocks/:userId'
const BY_NUMBER = '/api/v1/lots/:itemId/bidders/:number/block'
const tags = ['blocks']
const AccountParams = Type.Object({ userId: Uuid })
const NumberParams = Type.Object({
  itemId: Uuid,
  number: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
})
const Done = answers({ 204: Type.Null() })
const Blocked = answers({ 204: Type.Null() }, [409, 422])

const BlockList = Type.Object(
  {
    blocks: Type.Array(
      Type.Object({
        userId: Type.Optional(Uuid),
        itemId: Type.Optional(Uuid),
        bidder: Type.Optional(Type.String({ description: 'As the history of that lot says.' })),
        blockedAt: Instant,
      }),
    ),
  },
  { title: 'BlockList' },
)

/**
 * Bidders whose bids a seller does not take from now on, on any lot. Bids that stand already stay:
 * the price was made with them. Who knows accounts that may be behind a number can still find out by
 * blocking them one by one and watching who goes on bidding.
 */
export async function blockRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  listRoute(app, db)
  accountRoutes(app, db)
  numberRoutes(app, db)
}

function listRoute(app: App, db: Kysely<Database>): void {
  app.get(
    '/api/v1/blocks',
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'listBlocks',
        summary: 'Whose bids you do not take, the latest first',
        response: answers({ 200: BlockList }),
      },
    },
    async (request, reply) => {
      const blocks = await readBlocks(db, request.user.id)
      reply.header('cache-control', 'no-store')
      return {
        blocks: blocks.map(({ userId, itemId, number, blockedAt }) => ({
          ...(userId === null ? {} : { userId }),
          ...(itemId === null || number === null ? {} : { itemId, bidder: alias(number) }),
          blockedAt: blockedAt.toISOString(),
        })),
      }
    },
  )
}

function accountRoutes(app: App, db: Kysely<Database>): void {
  app.put(
    BY_ACCOUNT,
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags,
        operationId: 'blockAccount',
        summary: 'Take no bids of this account; again changes nothing',
        params: AccountParams,
        response: Blocked,
      },
    },
    async (request, reply) => {
      const { userId } = request.params
      await block(db, request.user.id, userId, { userId })
      return reply.code(204).send(null)
    },
  )
  app.delete(
    BY_ACCOUNT,
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags,
        operationId: 'unblockAccount',
        summary: 'Take bids of this account again',
        params: AccountParams,
        response: Done,
      },
    },
    async (request, reply) => {
      await deleteBlock(db, request.user.id, { userId: request.params.userId })
      return reply.code(204).send(null)
    },
  )
}

function numberRoutes(app: App, db: Kysely<Database>): void {
  app.put(
    BY_NUMBER,
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'blockBidder',
        summary: 'Take no bids of this bidder of your lot, on any lot',
        params: NumberParams,
        response: Blocked,
      },
    },
    async (request, reply) => {
      const sellerId = request.user.id
      const { itemId, number } = request.params
      const found = await readNumberedBidder(db, itemId, number)
      if (found === undefined) throw bidErrors.lotNotFound()
      if (found.sellerId !== sellerId) throw bidErrors.blockNotYourLot()
      if (found.bidderId === null) throw bidErrors.blockBidderNotFound()
      await block(db, sellerId, found.bidderId, { itemId, number })
      return reply.code(204).send(null)
    },
  )
  app.delete(
    BY_NUMBER,
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags,
        operationId: 'unblockBidder',
        summary: 'Take bids of this bidder again',
        params: NumberParams,
        response: Done,
      },
    },
    async (request, reply) => {
      await deleteBlock(db, request.user.id, request.params)
      return reply.code(204).send(null)
    },
  )
}

async function block(
  db: Kysely<Database>,
  sellerId: string,
  bidderId: string,
  as: BlockedBidder,
): Promise<void> {
  if (bidderId === sellerId) throw bidErrors.blockOwnAccount()
  const outcome = await insertBlock(db, sellerId, bidderId, as, BLOCKS_MAX)
  if (outcome === 'too_many') throw bidErrors.blockTooMany()
  if (outcome === 'bidder_gone') throw bidErrors.blockBidderNotFound()
  // The token is good for some minutes more than the account.
  if (outcome === 'seller_gone') throw bidErrors.unauthenticated()
}
