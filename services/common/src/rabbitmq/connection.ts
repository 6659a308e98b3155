import { type AmqpConnectionManager, connect } from 'amqp-connection-manager'
import type { Channel, ConfirmChannel } from 'amqplib'
import type { Logger } from '../process/logger.ts'
import type { BrokerAddress } from './broker-address.ts'
import { type ChannelKeeper, keepChannel } from './keep-channel.ts'
import { declareLegacyExchanges } from './legacy-exchanges.ts'
import {
  declareTopology,
  expectTopology,
  type RetryTier,
  STREAMS,
  type Subscription,
} from './topology.ts'
import { untilAnswered } from './until-answered.ts'

export interface BrokerConnection {
  /**
   * Opens a channel now and after every reconnect. `setup` gets the raw channel: a consumer
   * or publisher keeps that object and never uses another one's delivery tags (ADR 0012).
   */
  openChannel(
    name: string,
    setup: (channel: ConfirmChannel) => Promise<void>,
  ): { close(): Promise<void> }
  /** Lends a channel of its own to one piece of work that may break it, such as passive checks. */
  withChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T>
  isConnected(): boolean
  /** The broker stopped reading from publishers (memory or disk alarm). */
  isBlocked(): boolean
  /** Ends the connection, so that it and all its channels are set up again. */
  restart(): void
  close(): Promise<void>
}

export interface BrokerOptions {
  url: string
  /** Absent: `declare`. */
  topology?: BrokerAddress['topology']
  /** Absent: false. */
  hasLegacyExchanges?: boolean
  /** Shown in the broker's list of connections. */
  name: string
  log: Logger
  /** Absent: all of the platform, and its streams; with some, there are no streams. */
  subscriptions?: readonly Subscription[]
  retryTiers?: readonly RetryTier[]
  /** A channel that is not set up for so long on a connection that stands takes it along. */
  silentMaxMs?: number
}

const HEARTBEAT_SECONDS = 10
const RECONNECT_SECONDS = 1
const CONNECT_TIMEOUT_MS = 5_000
const SILENT_MAX_MS = 30_000

/**
 * One connection that is always being kept or restored. Use one for publishing and another for
 * consuming: an alarm blocks publishers, and must not keep acknowledgements from the broker.
 */
export function connectBroker(options: BrokerOptions): BrokerConnection {
  const { name } = options
  const manager: AmqpConnectionManager = connect([options.url], {
    heartbeatIntervalInSeconds: HEARTBEAT_SECONDS,
    reconnectTimeInSeconds: RECONNECT_SECONDS,
    connectionOptions: {
      clientProperties: { connection_name: name },
      timeout: CONNECT_TIMEOUT_MS,
      noDelay: true,
    },
  })
  const state = watchConnection(manager, options)
  // Not the manager's own reconnect(): it stops listening before it closes, and then waits for ever
  // when the other side is gone. An ordinary close is noticed like any other loss.
  const restart = () => {
    if (state.isClosing) return
    state.isRestarting = true
    manager.connection?.close().catch(() => undefined)
  }
  const keeper: ChannelKeeper = {
    manager,
    log: options.log,
    declare: declareOnce(options),
    restart,
    isClosing: () => state.isClosing,
    silentMaxMs: options.silentMaxMs ?? SILENT_MAX_MS,
  }

  return {
    openChannel: (channelName, setup) => keepChannel(keeper, channelName, setup),
    async withChannel(work) {
      if (manager.connection === undefined) throw new Error('the broker is not connected')
      const channel = await manager.connection.createChannel()
      // Whatever breaks it also rejects the call under way, which is where it is reported.
      channel.on('error', () => undefined)
      try {
        return await work(channel)
      } finally {
        // The library never settles a close whose answer was lost with the connection.
        await untilAnswered(channel.close())
      }
    },
    isConnected: () => manager.isConnected(),
    isBlocked: () => state.isBlocked,
    restart,
    async close() {
      state.isClosing = true
      await untilAnswered(manager.close())
    },
  }
}

/** Logs one line when the connection goes and one when it is back, not one per attempt. */
function watchConnection(manager: AmqpConnectionManager, { name, log }: BrokerOptions) {
  const state = { isBlocked: false, isDown: false, isClosing: false, isRestarting: false }
  const down = (error: Error | undefined) => {
    state.isBlocked = false
    // One that we end ourselves was logged with its reason.
    if (state.isRestarting) return
    if (!state.isDown && !state.isClosing)
      log.warn({ err: error, connection: name }, 'broker connection lost')
    state.isDown = true
  }
  manager.on('connect', () => {
    if (state.isDown) log.info({ connection: name }, 'broker connection restored')
    state.isDown = false
    state.isRestarting = false
  })
  manager.on('disconnect', ({ err }) => down(err))
  manager.on('connectFailed', ({ err }) => {
    state.isRestarting = false
    down(err)
  })
  manager.on('blocked', ({ reason }) => {
    state.isBlocked = true
    log.warn({ connection: name, reason }, 'broker blocked publishing')
  })
  manager.on('unblocked', () => {
    state.isBlocked = false
    log.info({ connection: name }, 'broker unblocked publishing')
  })
  return state
}

/** Every channel needs the topology before its setup; the first one of a connection sees to it. */
function declareOnce({ topology, hasLegacyExchanges, subscriptions, retryTiers }: BrokerOptions) {
  const prepare = async (channel: Channel): Promise<void> => {
    const streams = subscriptions === undefined ? STREAMS : []
    if (topology === 'expect') return expectTopology(channel, subscriptions, retryTiers, streams)
    await declareTopology(channel, subscriptions, retryTiers, streams)
    if (hasLegacyExchanges === true) await declareLegacyExchanges(channel)
  }
  const declared = new WeakMap<object, Promise<void>>()
  return (channel: Channel): Promise<void> => {
    let declaring = declared.get(channel.connection)
    if (declaring === undefined) {
      declaring = prepare(channel)
      declared.set(channel.connection, declaring)
    }
    return declaring
  }
}
