import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  bidClosed,
  bidExtended,
  bidLost,
  bidOutbid,
  bidPlaced,
  bidReserveMet,
} from '@auction/common/contracts/bid.ts'
import {
  createEvent,
  type EventContract,
  type OutboxEvent,
} from '@auction/common/contracts/event.ts'
import { type App, buildServer } from '@auction/common/http/server.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import type { Lifecycle } from '@auction/common/process/shutdown.ts'
import { declareTopology } from '@auction/common/rabbitmq/topology.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { createTestBroker, type TestBroker } from '@auction/common/testing/broker.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import {
  type LiveClient,
  type LiveClientOptions,
  openLiveClient,
  type ShownLot,
} from '@auction/common/testing/live-client.ts'
import { createTestIdentity, type TestIdentity } from '@auction/common/testing/tokens.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { type ConfirmChannel, connect } from 'amqplib'
import type { Registry } from 'prom-client'
import type { Static, TObject } from 'typebox'
import { liveRoutes } from '#src/app/live/routes.ts'
import { type LiveConfig, startLive } from '#src/app/live/start-live.ts'
import { notificationErrors } from '#src/errors.ts'

const NO_TRACE = { traceparent: '', traceId: 'a'.repeat(32), correlationId: 'test' }
export const LATER = new Date(Date.now() + 3_600_000).toISOString()
export const A_WEEK_AGO = new Date(Date.now() - 7 * 86_400_000)

/** Any event of a lot, as the bid service writes it. */
export function eventOf<P extends TObject>(
  contract: EventContract<P>,
  payload: Static<P>,
  madeAt = new Date(),
): OutboxEvent {
  const { itemId, sequence } = payload as { itemId: string; sequence: number }
  const event = createEvent(contract, { aggregateId: itemId, sequence, trace: NO_TRACE }, payload)
  event.envelope.timestamp = madeAt.toISOString()
  return event
}

/** The price is the sequence, so that a wrong one is seen. */
export const priceAt = (sequence: number) => `${sequence}.00`

export interface Bid {
  itemId: string
  sequence: number
  userId?: string
  leaderId?: string
}

export const placed = ({ itemId, sequence, ...bidders }: Bid, madeAt?: Date) =>
  eventOf(
    bidPlaced,
    {
      bidId: randomUUID(),
      itemId,
      ...bidders,
      amount: priceAt(sequence),
      currencyCode: 'USD',
      currentPrice: priceAt(sequence),
      minNextBid: priceAt(sequence + 1),
      bidCount: sequence,
      reserveMet: true,
      buyNowAvailable: false,
      endDate: LATER,
      extensionCount: 0,
      kind: 'manual',
      sequence,
    },
    madeAt,
  )

export const closed = (itemId: string, sequence: number, winnerId?: string) =>
  eventOf(bidClosed, {
    itemId,
    round: 1,
    outcome: 'sold',
    currencyCode: 'USD',
    currentPrice: priceAt(sequence - 1),
    finalAmount: priceAt(sequence - 1),
    ...(winnerId === undefined ? {} : { winnerId }),
    bidCount: sequence - 1,
    reserveMet: true,
    endDate: LATER,
    closedAt: LATER,
    sequence,
  })

export const outbid = (itemId: string, sequence: number, userId: string, madeAt?: Date) =>
  eventOf(
    bidOutbid,
    {
      itemId,
      bidId: randomUUID(),
      userId,
      currencyCode: 'USD',
      currentPrice: priceAt(sequence),
      endDate: LATER,
      sequence,
    },
    madeAt,
  )

export const lost = (itemId: string, sequence: number, userIds: string[]) =>
  eventOf(bidLost, { itemId, userIds, currencyCode: 'USD', round: 1, sequence })

export const reserveMet = (itemId: string, sequence: number, currentPrice: string) =>
  eventOf(bidReserveMet, {
    itemId,
    currencyCode: 'USD',
    currentPrice,
    buyNowAvailable: false,
    sequence,
  })

export const extended = (itemId: string, sequence: number, endDate: string) =>
  eventOf(bidExtended, {
    itemId,
    reason: 'outage',
    outageFrom: LATER,
    outageUntil: LATER,
    previousEndDate: LATER,
    originalEndDate: LATER,
    endDate,
    hardEndDate: endDate,
    extensionCount: 1,
    timestamp: LATER,
    sequence,
  })

export interface Replica {
  url: string
  app: App
  registry: Registry
  /** Stops as a process does: the API first, the broker last. */
  stop(): Promise<void>
}

export interface LiveWorld {
  broker: TestBroker
  identity: TestIdentity
  /** Publishes one after another, and resolves when the broker has them. */
  publish(...events: OutboxEvent[]): Promise<void>
  /**
   * Another API process of the service. Heartbeats and session checks come every twenty turns, which are of production
   * unless a test waits for them: a session that is not checked in time is sent nothing of its own.
   */
  replica(changes?: Partial<LiveConfig> & { turnMs?: number }): Promise<Replica>
  /** A client that is connected. */
  watch(
    options: Partial<LiveClientOptions> & Pick<LiveClientOptions, 'urls' | 'lots'>,
  ): Promise<LiveClient>
  /** What `GET /api/v1/lots/:id` would answer. */
  truth: Map<string, ShownLot>
  /** Tokens that identity calls bad from now on. */
  ended: Set<string>
  /** `isDown`: identity answers 503. */
  identityState: { isDown: boolean; asked: number }
}

const CONFIG = {
  RABBITMQ_USERNAME: '',
  RABBITMQ_PASSWORD: '',
  RABBITMQ_TOPOLOGY: 'declare',
  LIVE_STREAMS_MAX: 1_000,
  LIVE_STREAMS_PER_USER: 100,
  LIVE_STREAMS_PER_ADDRESS: 1_000,
  LIVE_STREAM_MINUTES: 60,
} as const

/** The live part of the service on a broker of its own, with as many replicas as a test wants. */
export async function createLiveWorld(t: Teardown): Promise<LiveWorld> {
  const broker = await createTestBroker(t)
  const identity = createTestIdentity()
  const ended = new Set<string>()
  const identityState = { isDown: false, asked: 0 }
  const identityUrl = await startIdentity(t, ended, identityState)
  const connection = await connect(broker.directUrl)
  const channel = await connection.createConfirmChannel()
  await declareTopology(channel)
  t.teardown(() => connection.close().catch(() => undefined))
  const truth = new Map<string, ShownLot>()
  const log = createLogger('notification', process.env.TEST_LOG ?? 'silent')
  return {
    broker,
    identity,
    truth,
    ended,
    identityState,
    publish: (...events) => publishAll(channel, events),
    async replica({ turnMs, ...changes } = {}) {
      const steps: (() => unknown)[] = []
      const lifecycle: Lifecycle = {
        onStop: (_name, step) => steps.push(step),
        isStopping: () => false,
      }
      const registry = createRegistry('notification')
      const app = await buildServer({
        service: 'notification',
        log,
        registry,
        trustedProxies: ['127.0.0.1'],
        auth: { ...identity, unauthenticated: notificationErrors.unauthenticated },
      })
      const config = { ...CONFIG, RABBITMQ_URL: broker.url, IDENTITY_URL: identityUrl, ...changes }
      await liveRoutes(app, await startLive(config, { log, registry, lifecycle }, turnMs))
      let isStopped = false
      const stop = async () => {
        if (isStopped) return
        isStopped = true
        await app.close()
        for (const step of steps.reverse()) await step()
      }
      t.teardown(stop)
      return { url: await app.listen({ host: '127.0.0.1', port: 0 }), app, registry, stop }
    },
    async watch(options) {
      const client = openLiveClient({
        readLot: async (itemId) => truth.get(itemId),
        retryMaxMs: 50,
        ...options,
      })
      t.teardown(() => client.close())
      await waitFor('the stream', () => client.messages.length > 0)
      return client
    },
  }
}

/** Stands for identity: a token is good until a test says that it is not. */
async function startIdentity(
  t: Teardown,
  ended: ReadonlySet<string>,
  state: LiveWorld['identityState'],
): Promise<string> {
  const server = createServer((request, response) => {
    state.asked += 1
    const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
    response.statusCode = state.isDown ? 503 : ended.has(token) ? 401 : 200
    response.end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** As the relay publishes. */
async function publishAll(channel: ConfirmChannel, events: readonly OutboxEvent[]): Promise<void> {
  for (const { exchange, key, envelope } of events)
    channel.publish(exchange, key, Buffer.from(JSON.stringify(envelope)), {
      persistent: true,
      messageId: envelope.id,
      type: key,
      timestamp: Math.floor(Date.parse(envelope.timestamp) / 1_000),
    })
  await channel.waitForConfirms()
}
