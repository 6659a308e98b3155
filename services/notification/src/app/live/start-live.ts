import { InvalidEventError } from '@auction/common/contracts/event.ts'
import type { ProcessContext } from '@auction/common/process/service-process.ts'
import { type BrokerConfig, brokerAddress } from '@auction/common/rabbitmq/broker-address.ts'
import { connectBroker } from '@auction/common/rabbitmq/connection.ts'
import { LIVE_STREAM } from '@auction/common/rabbitmq/topology.ts'
import type { ConsumeMessage } from 'amqplib'
import { readChange } from '#src/domain/live-change.ts'
import { createLiveLots } from '#src/domain/live-lots.ts'
import { createSessionCheck } from '#src/infra/identity/check-session.ts'
import { startStreamReader } from '#src/infra/streams/stream-reader.ts'
import { createLive, type Live } from './live.ts'
import { createLiveMetrics } from './live-metrics.ts'

export interface LiveConfig extends BrokerConfig {
  IDENTITY_URL: string
  LIVE_STREAMS_MAX: number
  LIVE_STREAMS_PER_USER: number
  LIVE_STREAMS_PER_ADDRESS: number
  LIVE_STREAM_MINUTES: number
}

const MINUTE_MS = 60_000
/** Clients of a replica that ended come back within this, and miss nothing here. */
const LOOK_BACK_MS = 2 * MINUTE_MS
const KNOWN_MAX = 100_000
const KEEP_MS = 10 * MINUTE_MS
/** A process that is new waits so long for the broker; then it serves without events. */
const CATCH_UP_MS = 5_000

/** Reads the events of bids and answers what sends them to watchers. */
export async function startLive(
  config: LiveConfig,
  { log, registry, lifecycle }: ProcessContext,
  turnMs?: number,
): Promise<Live> {
  const metrics = createLiveMetrics(registry)
  const lots = createLiveLots({ entriesMax: KNOWN_MAX, keepMs: KEEP_MS, freshMs: LOOK_BACK_MS })
  const connection = connectBroker({
    ...brokerAddress(config),
    name: 'notification live',
    log,
  })
  lifecycle.onStop('live connection', () => connection.close())
  const onMessage = (offset: number, { fields, content, properties }: ConsumeMessage) => {
    try {
      const change = readChange(fields.routingKey, content, String(properties.messageId))
      if (change !== undefined) live.take(change, offset)
    } catch (error) {
      metrics.unreadable()
      const level = error instanceof InvalidEventError ? 'warn' : 'error'
      log[level]({ err: error, offset, key: fields.routingKey }, 'an event cannot be read')
    }
  }
  const reader = startStreamReader({
    connection,
    stream: LIVE_STREAM.name,
    log,
    fromMs: Date.now() - LOOK_BACK_MS,
    onMessage,
    onGap: (offset) => live.restart(offset),
  })
  lifecycle.onStop('live reader', () => reader.close())
  const live = createLive({
    lots,
    metrics,
    log,
    limits: {
      streams: config.LIVE_STREAMS_MAX,
      perUser: config.LIVE_STREAMS_PER_USER,
      perAddress: config.LIVE_STREAMS_PER_ADDRESS,
      lifetimeMs: config.LIVE_STREAM_MINUTES * MINUTE_MS,
    },
    checkSession: createSessionCheck(config.IDENTITY_URL),
    isReading: reader.isReading,
    ...(turnMs === undefined ? {} : { turnMs }),
  })
  metrics.watch({
    connections: live.connections,
    lots: lots.size,
    isReading: reader.isReading,
  })
  await reader.untilCaughtUp(CATCH_UP_MS)
  return live
}
