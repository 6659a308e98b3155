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
import { formatAmount } from '@auction/common/money.ts'
import { type Static, Type } from 'typebox'
import type { OfferDependencies } from '#src/app/after-sale.ts'
import { type AnsweredOffer, answerOfferAs, makeOfferTo, stateAt } from '#src/app/answer-offer.ts'
import { alias, isoInstant } from '#src/app/lot-view.ts'
import { readOffersOfLot } from '#src/app/offers-of-lot.ts'
import { OFFER_KINDS, OFFER_STATES, type OfferAct, type OfferKind } from '#src/domain/offer.ts'
import { OFFER_REFUSALS } from '#src/errors.ts'
import { hasOptedOut, readOffersTo, readOfferTo, setOptOut } from '#src/infra/postgres/offers.ts'
import { BidHeaders, idempotencyKey } from './bids.ts'

const tags = ['offers']
const LotParams = Type.Object({ itemId: Uuid })
const OfferParams = Type.Object({ offerId: Uuid })

const OFFER_FIELDS = {
  offerId: Uuid,
  itemId: Uuid,
  round: Type.Integer(),
  kind: OneOf(OFFER_KINDS),
  /** The bidder's own highest bid, which is the price. */
  amount: Amount,
  currencyCode: CurrencyCode,
  state: OneOf(OFFER_STATES),
  madeAt: Instant,
  expiresAt: Instant,
  endedAt: Type.Optional(Instant),
}

const SellersOffer = Type.Object(
  {
    ...OFFER_FIELDS,
    bidder: Type.Optional(Type.String({ description: 'As the history of the lot says.' })),
    cascadeFloor: Type.Optional(Amount),
    serverTime: Instant,
  },
  { title: 'SellersOffer' },
)

const ReceivedOffer = Type.Object(
  { ...OFFER_FIELDS, serverTime: Instant },
  { title: 'ReceivedOffer' },
)

const REPLAY_HEADER = {
  'idempotency-replayed': {
    type: 'string',
    description: 'true when this is the stored answer to an earlier request with the same key',
  },
}

const NewOffer = Type.Object(
  {
    kind: Type.Unsafe<OfferKind>({ type: 'string', enum: [...OFFER_KINDS] }),
    days: Type.Integer({
      minimum: 1,
      maximum: 365,
      description: 'For how many days the offer is open: 1, 3, 5 or 7.',
    }),
    bidderNumber: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2_147_483_647,
        description: 'The 3 of "bidder 3". Absent: the next in line.',
      }),
    ),
    cascadeFloor: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 32,
        description:
          'An offer that is declined or expires goes on to the next in line, down to this price. Absent: it ends there.',
      }),
    ),
  },
  { ...STRICT, title: 'NewOffer' },
)

const OffersOfLot = Type.Object(
  {
    offers: Type.Array(SellersOffer),
    kinds: Type.Array(
      Type.Object({
        kind: OneOf(OFFER_KINDS),
        /** Offers of this kind are made before this instant; absent: the lot gives no occasion. */
        until: Type.Optional(Instant),
        /** Why none can be made now: the code that the request would get. */
        refusal: Type.Optional(Type.String()),
        candidates: Type.Array(
          Type.Object({ bidder: Type.String(), bidderNumber: Type.Integer(), amount: Amount }),
        ),
      }),
    ),
    serverTime: Instant,
  },
  { title: 'OffersOfLot' },
)

const MyOffers = Type.Object(
  {
    offers: Type.Array(ReceivedOffer),
    nextBefore: Type.Optional(Uuid),
    serverTime: Instant,
  },
  { title: 'MyOfferList' },
)

const Preferences = Type.Object(
  {
    wantsOffers: Type.Boolean({
      description: 'false: no seller can offer you a lot that you did not win.',
    }),
  },
  { ...STRICT, title: 'OfferPreferences' },
)

/** Offers of lots that are over: to bidders who lost, and to the leader of one below its reserve (R-OFFER-1). */
export async function offerRoutes(app: App, dependencies: OfferDependencies): Promise<void> {
  sellerRoutes(app, dependencies)
  bidderRoutes(app, dependencies)
}

function sellerRoutes(app: App, dependencies: OfferDependencies): void {
  app.post(
    '/api/v1/lots/:itemId/offers',
    {
      config: { auth: 'bearer', access: 'owner' },
      bodyLimit: 4 * 1024,
      schema: {
        tags,
        operationId: 'makeOffer',
        summary: 'Offer your lot to a bidder, at the own highest bid of that bidder',
        description:
          'To the leader of a lot below its reserve, or to a bidder who lost: when the reserve was not met, or when ' +
          'the order for it was cancelled. One offer at a time is open, and each bidder is asked once.',
        params: LotParams,
        headers: BidHeaders,
        body: NewOffer,
        response: answers({ 201: { ...SellersOffer, headers: REPLAY_HEADER } }, [409, 422]),
      },
    },
    async ({ user, params: { itemId }, headers, body, trace }, reply) => {
      const { kind, days, bidderNumber, cascadeFloor } = body
      const made = await makeOfferTo(dependencies, {
        itemId,
        sellerId: user.id,
        kind,
        days,
        bidderNumber,
        cascadeFloor,
        key: idempotencyKey(headers['idempotency-key']),
        trace,
      })
      if (made.isRepeat) reply.header('idempotency-replayed', 'true')
      reply.code(201)
      return sellersOffer(made)
    },
  )

  app.get(
    '/api/v1/lots/:itemId/offers',
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'listOffersOfLot',
        summary: 'The offers of your lot, and to whom you may offer it now',
        params: LotParams,
        response: answers({ 200: OffersOfLot }),
      },
    },
    async ({ user, params: { itemId }, trace }, reply) => {
      const read = await readOffersOfLot(dependencies, itemId, user.id, trace)
      reply.header('cache-control', 'no-store')
      return {
        offers: read.offers.map(sellersOffer),
        kinds: read.kinds.map(({ kind, untilMs, refusal, candidates }) => ({
          kind,
          ...(untilMs === undefined ? {} : { until: isoInstant(untilMs) }),
          ...(refusal === undefined ? {} : { refusal }),
          candidates: candidates.map(({ bidderNumber, amount }) => ({
            bidder: alias(bidderNumber),
            bidderNumber,
            amount: formatAmount(amount, read.currencyCode),
          })),
        })),
        serverTime: isoInstant(read.nowMs),
      }
    },
  )

  app.post(
    '/api/v1/offers/:offerId/withdrawal',
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'withdrawOffer',
        summary: 'Withdraw your offer before the bidder answers',
        params: OfferParams,
        headers: BidHeaders,
        response: answers({ 200: { ...SellersOffer, headers: REPLAY_HEADER } }, [409]),
      },
    },
    async ({ user, params: { offerId }, headers, trace }, reply) => {
      const key = idempotencyKey(headers['idempotency-key'])
      const command = { offerId, act: 'withdraw', userId: user.id, key } as const
      const ended = await answerOfferAs(dependencies, command, trace)
      if (ended.isRepeat) reply.header('idempotency-replayed', 'true')
      return sellersOffer(ended)
    },
  )
}

function bidderRoutes(app: App, dependencies: OfferDependencies): void {
  const { db } = dependencies
  app.get(
    '/api/v1/offers',
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'listMyOffers',
        summary: 'Offers to you, the latest first',
        querystring: Type.Object(
          {
            open: Type.Optional(
              Type.Boolean({ description: 'Only those you can answer, or not.' }),
            ),
            limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
            before: Type.Optional(Uuid),
          },
          STRICT,
        ),
        response: answers({ 200: MyOffers }),
      },
    },
    async ({ user, query: { open, limit, before } }, reply) => {
      // One extra row shows whether there is a next page.
      const page = { isOpen: open, before, limit: limit + 1 }
      const { rows, nowMs } = await readOffersTo(db, user.id, page)
      const shown = rows.slice(0, limit)
      const last = rows.length > limit ? shown.at(-1) : undefined
      reply.header('cache-control', 'no-store')
      return {
        offers: shown.map((offer) => offerFields({ ...offer, offer, nowMs })),
        ...(last === undefined ? {} : { nextBefore: last.offerId }),
        serverTime: isoInstant(nowMs),
      }
    },
  )

  app.get(
    '/api/v1/offers/:offerId',
    {
      config: { auth: 'bearer', access: 'owner' },
      schema: {
        tags,
        operationId: 'getOffer',
        summary: 'An offer to you',
        params: OfferParams,
        response: answers({ 200: ReceivedOffer }),
      },
    },
    async ({ user, params: { offerId } }, reply) => {
      const read = await readOfferTo(db, user.id, offerId)
      if (read === undefined) throw OFFER_REFUSALS['offer.not_found']()
      reply.header('cache-control', 'no-store')
      return offerFields({ ...read.offer, ...read })
    },
  )

  const answerRoute = (
    act: OfferAct,
    name: string,
    { operationId, summary }: { operationId: string; summary: string },
  ) =>
    app.post(
      `/api/v1/offers/:offerId/${name}`,
      {
        config: { auth: 'bearer', access: 'owner' },
        schema: {
          tags,
          operationId,
          summary,
          params: OfferParams,
          headers: BidHeaders,
          response: answers({ 200: { ...ReceivedOffer, headers: REPLAY_HEADER } }, [409]),
        },
      },
      async ({ user, params: { offerId }, headers, trace }, reply) => {
        const key = idempotencyKey(headers['idempotency-key'])
        const command = { offerId, act, userId: user.id, key }
        const ended = await answerOfferAs(dependencies, command, trace)
        if (ended.isRepeat) reply.header('idempotency-replayed', 'true')
        return offerFields(ended)
      },
    )
  answerRoute('accept', 'acceptance', {
    operationId: 'acceptOffer',
    summary: 'Buy what is offered to you: the order follows a moment later',
  })
  answerRoute('decline', 'refusal', {
    operationId: 'declineOffer',
    summary: 'Decline an offer; it costs nothing',
  })

  app.get(
    '/api/v1/offers/preferences',
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'getOfferPreferences',
        summary: 'Whether sellers may offer you lots that you did not win',
        response: answers({ 200: Preferences }),
      },
    },
    async ({ user }, reply) => {
      reply.header('cache-control', 'no-store')
      return { wantsOffers: !(await hasOptedOut(db, user.id)) }
    },
  )

  app.put(
    '/api/v1/offers/preferences',
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'setOfferPreferences',
        summary: 'Choose whether sellers may offer you lots that you did not win',
        description: 'An offer that is open already stays open.',
        body: Preferences,
        response: answers({ 200: Preferences }),
      },
    },
    async ({ user, body: { wantsOffers } }) => {
      await setOptOut(db, user.id, !wantsOffers)
      return { wantsOffers }
    },
  )
}

function sellersOffer(answered: AnsweredOffer): Static<typeof SellersOffer> {
  const { offer, currencyCode, bidderNumber } = answered
  return {
    ...offerFields(answered),
    ...(bidderNumber === null ? {} : { bidder: alias(bidderNumber) }),
    ...(offer.cascadeFloor === null
      ? {}
      : { cascadeFloor: formatAmount(offer.cascadeFloor, currencyCode) }),
  }
}

function offerFields({
  offer,
  itemId,
  round,
  currencyCode,
  nowMs,
}: Omit<AnsweredOffer, 'bidderNumber' | 'isRepeat'>): Static<typeof ReceivedOffer> {
  const state = stateAt(offer, nowMs)
  const endedAtMs = offer.endedAtMs ?? (state === 'expired' ? offer.expiresAtMs : null)
  return {
    offerId: offer.offerId,
    itemId,
    round,
    kind: offer.kind,
    amount: formatAmount(offer.amount, currencyCode),
    currencyCode,
    state,
    madeAt: isoInstant(offer.madeAtMs),
    expiresAt: isoInstant(offer.expiresAtMs),
    ...(endedAtMs === null ? {} : { endedAt: isoInstant(endedAtMs) }),
    serverTime: isoInstant(nowMs),
  }
}
