import {
  Amount,
  answers,
  CurrencyCode,
  Instant,
  OneOf,
  STRICT,
  Uuid,
} from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { createSharedAnswers, sendShared } from '@auction/common/http/shared-answers.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import { Type } from 'typebox'
import { alias, isoInstant, LotAnswer, lotAnswer } from '#src/app/lot-view.ts'
import type { BidSettings } from '#src/domain/settings.ts'
import { bidErrors } from '#src/errors.ts'
import {
  BID_STATUSES,
  countMyBids,
  type MyBidRow,
  type OwnStandingRow,
  readMyBids,
  readOwnStanding,
} from '#src/infra/postgres/bids.ts'
import { readLot } from '#src/infra/postgres/lots.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const MyBid = Type.Object(
  {
    itemId: Uuid,
    status: OneOf(BID_STATUSES),
    currencyCode: CurrencyCode,
    currentPrice: Amount,
    myMaxAmount: Amount,
    reserveMet: Type.Boolean(),
    endDate: Instant,
    finalAmount: Type.Optional(Amount),
    bidId: Uuid,
    bidAt: Instant,
    sequence: Type.Integer(),
  },
  { title: 'MyBid' },
)

const MyBids = Type.Object(
  {
    bids: Type.Array(MyBid),
    counts: Type.Object({
      leading: Type.Integer(),
      outbid: Type.Integer(),
      won: Type.Integer(),
      lost: Type.Integer(),
    }),
    isCountExact: Type.Boolean({
      description:
        'False when you have bid on 1,000 lots or more: the ones listed last are counted.',
    }),
    nextBefore: Type.Optional(Uuid),
  },
  { title: 'MyBidList' },
)

const OwnStanding = Type.Object(
  {
    itemId: Uuid,
    status: Type.Optional(OneOf(BID_STATUSES)),
    alias: Type.Optional(
      Type.String({ description: 'How the history and leaderAlias of the lot name you.' }),
    ),
    myMaxAmount: Type.Optional(Amount),
    isSeller: Type.Boolean(),
    isBlocked: Type.Boolean({ description: 'The seller does not take your bids.' }),
    isReservedForMe: Type.Boolean({
      description: 'You are buying it at once: it is yours when you pay in time.',
    }),
    sequence: Type.Integer({ description: 'The state of the lot that this is of.' }),
  },
  { title: 'OwnStanding' },
)

export interface LotRoutesOptions {
  pool: Pool
  db: Kysely<Database>
  settings: BidSettings
}

/** A lot as every visitor sees it, and the caller's own bids with their own maxima. */
export async function lotRoutes(app: App, { pool, db, settings }: LotRoutesOptions): Promise<void> {
  // All callers see the same of a lot, and never less than what was committed when they asked.
  const shared = createSharedAnswers(0)
  app.get(
    '/api/v1/lots/:itemId',
    {
      config: { auth: 'optional' },
      schema: {
        tags: ['lots'],
        operationId: 'getLot',
        summary: 'Price, minimum next bid and end of a lot, with the time on the server',
        params: Type.Object({ itemId: Uuid }),
        response: answers({ 200: LotAnswer }),
      },
    },
    async (request, reply) => {
      const { itemId } = request.params
      reply.header('cache-control', 'no-store')
      return sendShared(reply, shared, itemId, async () => {
        const view = await readLot(pool, itemId)
        if (view === undefined) throw bidErrors.lotNotFound()
        const { serverTime, ...body } = lotAnswer(view, settings)
        return { body, now: new Date(serverTime) }
      })
    },
  )

  app.get(
    '/api/v1/lots/:itemId/mine',
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags: ['lots'],
        operationId: 'getOwnStanding',
        summary: 'How you stand on a lot: leading or outbid, your maximum and your alias',
        description:
          'Without alias and myMaxAmount when you have not bid on it, and without status unless you bought it.',
        params: Type.Object({ itemId: Uuid }),
        response: answers({ 200: OwnStanding }),
      },
    },
    async ({ user, params: { itemId } }, reply) => {
      const row = await readOwnStanding(db, itemId, user.id)
      if (row === undefined) throw bidErrors.lotNotFound()
      reply.header('cache-control', 'no-store')
      return ownStanding(itemId, row)
    },
  )

  app.get(
    '/api/v1/bids',
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags: ['bids'],
        operationId: 'listMyBids',
        summary: 'Lots you have bid on, with your own maximum and how many are won or led',
        description:
          'The one you bid on last comes first, so a lot that you bid on meanwhile moves to the front. ' +
          'There is a next page as long as there is nextBefore, also when a page is short.',
        querystring: Type.Object(
          {
            limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
            before: Type.Optional(Uuid),
            status: Type.Optional(Type.Union(BID_STATUSES.map((each) => Type.Literal(each)))),
          },
          STRICT,
        ),
        response: answers({
          200: MyBids,
        }),
      },
    },
    async (request, reply) => {
      const { user } = request
      const { before, limit, status } = request.query
      const [{ rows, nextBefore }, counted] = await Promise.all([
        readMyBids(db, user.id, { status, before, limit }),
        countMyBids(db, user.id),
      ])
      reply.header('cache-control', 'no-store')
      return {
        bids: rows.map(myBid),
        ...counted,
        ...(nextBefore === undefined ? {} : { nextBefore }),
      }
    },
  )
}

function ownStanding(itemId: string, row: OwnStandingRow) {
  const { bidderNumber, myMaxAmount, status, isSeller, isBlocked, isReservedForMe, sequence } = row
  return {
    itemId,
    // Who buys at once has won without a bid.
    ...(bidderNumber !== null || status === 'won' ? { status } : {}),
    ...(bidderNumber === null || myMaxAmount === null
      ? {}
      : {
          alias: alias(bidderNumber),
          myMaxAmount: formatAmount(myMaxAmount, row.currencyCode),
        }),
    isSeller,
    isBlocked,
    isReservedForMe,
    sequence,
  }
}

function myBid(row: MyBidRow) {
  const money = (minor: bigint) => formatAmount(minor, row.currencyCode)
  return {
    itemId: row.itemId,
    status: row.status,
    currencyCode: row.currencyCode,
    currentPrice: money(row.currentPrice),
    myMaxAmount: money(row.myMaxAmount),
    reserveMet: row.reserveMet,
    endDate: isoInstant(row.endsAtMs),
    ...(row.finalAmount === null ? {} : { finalAmount: money(row.finalAmount) }),
    bidId: row.myBidId,
    bidAt: isoInstant(row.myBidAtMs),
    sequence: row.sequence,
  }
}
