import { randomUUID } from 'node:crypto'
import { createEvent } from '@auction/common/contracts/event.ts'
import { orderCancelled, orderReopened } from '@auction/common/contracts/order.ts'
import type { ApplyTermsRequest } from '@auction/common/contracts/terms.ts'
import type { App } from '@auction/common/http/server.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { consume } from '@auction/common/testing/consume.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import { createBidEvents } from '#src/app/bid-events.ts'
import { CLOSING_GRACE_MS } from '#src/app/close-lots.ts'
import { onOrderCancelled } from '#src/app/consumers/order-cancelled.ts'
import { onOrderReopened } from '#src/app/consumers/order-reopened.ts'
import { expireOffers } from '#src/app/expire-offers.ts'
import { OFFER_WINDOWS } from '#src/domain/offer.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createWorld, type Reply, serviceHeaders, type World } from './helper.ts'

export interface AskOptions {
  body?: Record<string, unknown>
  key?: string
  app?: App
}

export interface CancelledOrder {
  orderId?: string
  reason?: string
  sequence?: number
  /** Of an order that a purchase made. */
  purchaseId?: string
}

export interface OfferWorld extends World {
  ask(method: 'GET' | 'POST' | 'PUT', url: string, userId: string, o?: AskOptions): Promise<Reply>
  /** A lot that is over, with these bids in their order. */
  closed(
    terms: Partial<ApplyTermsRequest>,
    bids: readonly (readonly [string, string])[],
  ): Promise<{ itemId: string; sellerId: string }>
  /** Lets the time of a lot end, and closes it. */
  endLot(itemId: string): Promise<void>
  offer(itemId: string, sellerId: string, options?: AskOptions): Promise<Reply>
  answer(offerId: unknown, act: string, userId: string, options?: AskOptions): Promise<Reply>
  /** As the worker does when the order of a buyer was cancelled. */
  cancelled(itemId: string, buyerId: string, options?: CancelledOrder): Promise<string>
  /** As the worker does when an order was reopened. */
  reopened(itemId: string, orderId: string, buyerId: string, sequence: number): Promise<void>
  relist(itemId: string, isAutomatic?: boolean, newItemId?: string, at?: App): Promise<Reply>
  reopen(itemId: string, orderId: string, buyerId: string, sequence?: number): Promise<Reply>
  /** As order does when the reopening has not followed. */
  undo(itemId: string, orderId: string, buyerId: string, sequence?: number): Promise<Reply>
  /** Lets time pass for a lot and its offers. */
  pass(itemId: string, hours: number): Promise<void>
  /** Another run of the timer that ends offers. */
  expire(): Promise<number>
  /** What was published of offers of a lot, in order. */
  published(itemId: string): Promise<{ key: string; payload: Record<string, unknown> }[]>
}

export async function createOfferWorld(t: Teardown): Promise<OfferWorld> {
  const world = await createWorld(t)
  const { app, db, identity, pool } = world
  const log = createLogger('bid', 'silent')
  const orders = [
    onOrderCancelled({
      db,
      events: createBidEvents({ legacyAlias: false }),
      settings: createBidSettings(),
      log,
    }),
    onOrderReopened(),
  ]
  const send = async (
    at: App,
    request: { method: 'GET' | 'POST' | 'PUT'; url: string; headers: Record<string, string> },
    payload?: Record<string, unknown>,
  ): Promise<Reply> => {
    const response = await at.inject({ ...request, ...(payload === undefined ? {} : { payload }) })
    return { statusCode: response.statusCode, headers: response.headers, body: response.json() }
  }
  const ask: OfferWorld['ask'] = (method, url, userId, options = {}) =>
    send(
      options.app ?? app,
      {
        method,
        url,
        headers: {
          authorization: `Bearer ${identity.token(userId)}`,
          ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
        },
      },
      options.body,
    )
  const inside = (url: string, payload: Record<string, unknown>, at = app) =>
    send(at, { method: 'PUT', url, headers: serviceHeaders(identity) }, payload)
  const endLot = async (itemId: string) => {
    await pool.query(
      `update lots set starts_at = n.t - interval '1 day', ends_at = n.t, original_ends_at = n.t,
         hard_ends_at = n.t
       from (select date_trunc('milliseconds', clock_timestamp()) - $2 * interval '1 ms' as t) n
       where item_id = $1`,
      [itemId, CLOSING_GRACE_MS],
    )
    await world.close()
  }
  return {
    ...world,
    ask,
    async closed(terms, bids) {
      const sellerId = randomUUID()
      const { itemId } = await world.putTerms({ sellerId, ...terms })
      for (const [bidderId, maxAmount] of bids) {
        const { statusCode } = await world.bid(itemId, bidderId, maxAmount)
        if (statusCode !== 201) throw new Error(`a bid of ${maxAmount} got ${statusCode}`)
      }
      await endLot(itemId)
      return { itemId, sellerId }
    },
    endLot,
    offer: (itemId, sellerId, { body, ...options } = {}) =>
      ask('POST', `/api/v1/lots/${itemId}/offers`, sellerId, {
        ...options,
        body: { kind: 'second_chance', days: 3, ...body },
      }),
    answer: (offerId, act, userId, options) =>
      ask('POST', `/api/v1/offers/${offerId}/${act}`, userId, options),
    async cancelled(
      itemId,
      buyerId,
      { orderId = randomUUID(), reason = 'unpaid', sequence = 3, purchaseId } = {},
    ) {
      const event = createEvent(
        orderCancelled,
        { aggregateId: orderId, sequence, trace: ownTrace('test') },
        {
          orderId,
          itemId,
          buyerId,
          sellerId: randomUUID(),
          round: 1,
          unit: 1,
          ...(purchaseId === undefined ? {} : { purchaseId }),
          reason,
          strike: reason === 'unpaid',
          sequence,
        },
      )
      await consume(db, [event], orders)
      return orderId
    },
    async reopened(itemId, orderId, buyerId, sequence) {
      const event = createEvent(
        orderReopened,
        { aggregateId: orderId, sequence, trace: ownTrace('test') },
        {
          orderId,
          itemId,
          buyerId,
          sellerId: randomUUID(),
          round: 1,
          unit: 1,
          dueAt: new Date().toISOString(),
          sequence,
        },
      )
      await consume(db, [event], orders)
    },
    relist: (itemId, isAutomatic = false, newItemId = randomUUID(), at = app) =>
      inside(`/internal/v1/lots/${itemId}/relisting`, { newItemId, isAutomatic }, at),
    reopen: (itemId, orderId, buyerId, sequence = 4) =>
      inside(`/internal/v1/lots/${itemId}/orders/${orderId}/reopening`, {
        buyerId,
        round: 1,
        unit: 1,
        sequence,
      }),
    undo: (itemId, orderId, buyerId, sequence = 4) =>
      inside(`/internal/v1/lots/${itemId}/orders/${orderId}/reopening/undo`, {
        buyerId,
        round: 1,
        unit: 1,
        sequence,
      }),
    async pass(itemId, hours) {
      const client = await pool.connect()
      await client.query('begin; set local session_replication_role = replica')
      await client.query(
        `with lot as (
           update lots set closed_at = closed_at - $2 * interval '1 hour' where item_id = $1
         )
         update offers set made_at = made_at - $2 * interval '1 hour',
           expires_at = expires_at - $2 * interval '1 hour',
           ended_at = ended_at - $2 * interval '1 hour'
         where item_id = $1`,
        [itemId, hours],
      )
      await client.query('commit')
      client.release()
    },
    expire: () => expireOffers({ db, windows: OFFER_WINDOWS, log }),
    async published(itemId) {
      const { rows } = await pool.query(
        `select e->>'key' as key, e->'envelope'->'payload' as payload
         from outbox, json_array_elements(events) with ordinality as e(e, n)
         where e->>'key' like 'offer.%' and e->'envelope'->'payload'->>'itemId' = $1 order by seq, n`,
        [itemId],
      )
      return rows
    },
  }
}
