import { type AmqpConnectionManager, connect } from 'amqp-connection-manager'
import type { ConfirmChannel } from 'amqplib'
import type { Logger } from '../logger.ts'
import { declareTopology, type RetryTier, type Subscription } from './topology.ts'

export interface BrokerConnection {
  /**
   * Opens a channel now and after every reconnect. `setup` gets the raw channel: whoever consumes
   * or publishes keeps that object and never uses another one's delivery tags (reliability E3).
   */
  openChannel(
    name: string,
    setup: (channel: ConfirmChannel) => Promise<void>,
  ): { close(): Promise<void> }
  isConnected(): boolean
  /** The broker stopped reading from publishers (memory or disk alarm). */
  isBlocked(): boolean
  close(): Promise<void>
}

export interface BrokerOptions {
  url: string
  /** Shown in the broker's list of connections. */
  name: string
  log: Logger
  subscriptions?: readonly Subscription[]
  retryTiers?: readonly RetryTier[]
}

const HEARTBEAT_SECONDS = 10
const RECONNECT_SECONDS = 1
const CONNECT_TIMEOUT_MS = 5_000

/**
 * One connection that is always being kept or restored. Use one for publishing and another for
 * consuming: an alarm blocks publishers, and must not keep acknowledgements from the broker.
 */
export function connectBroker(options: BrokerOptions): BrokerConnection {
  const { log, name } = options
  const manager: AmqpConnectionManager = connect([options.url], {
    heartbeatIntervalInSeconds: HEARTBEAT_SECONDS,
    reconnectTimeInSeconds: RECONNECT_SECONDS,
    connectionOptions: {
      clientProperties: { connection_name: name },
      timeout: CONNECT_TIMEOUT_MS,
      noDelay: true,
    },
  })
  let isBlocked = false
  let isDown = false
  let isClosing = false
  // One line when it goes and one when it is back, not one per attempt.
  const down = (error: Error | undefined) => {
    isBlocked = false
    if (!isDown && !isClosing) log.warn({ err: error, connection: name }, 'broker connection lost')
    isDown = true
  }
  manager.on('connect', () => {
    if (isDown) log.info({ connection: name }, 'broker connection restored')
    isDown = false
  })
  manager.on('disconnect', ({ err }) => down(err))
  manager.on('connectFailed', ({ err }) => down(err))
  manager.on('blocked', ({ reason }) => {
    isBlocked = true
    log.warn({ connection: name, reason }, 'broker blocked publishing')
  })
  manager.on('unblocked', () => {
    isBlocked = false
    log.info({ connection: name }, 'broker unblocked publishing')
  })
  const reconnect = () => {
    if (!isClosing && manager.isConnected()) manager.reconnect()
  }

  return {
    openChannel(channelName, setup) {
      let isChannelClosing = false
      const wrapper = manager.createChannel({
        name: channelName,
        confirm: true,
        setup: async (channel: ConfirmChannel) => {
          // The wrapper only makes a new channel with a new connection, so a channel that ends
          // alone (its queue was deleted, a confirm timed out) must take the connection along.
          channel.once('close', () => {
            if (!isChannelClosing) reconnect()
          })
          await declareTopology(channel, options.subscriptions, options.retryTiers)
          await setup(channel)
        },
      })
      wrapper.on('error', (error) =>
        log.warn({ err: error, channel: channelName }, 'broker channel failed'),
      )
      return {
        async close() {
          isChannelClosing = true
          await wrapper.close().catch(() => undefined)
        },
      }
    },
    isConnected: () => manager.isConnected(),
    isBlocked: () => isBlocked,
    async close() {
      isClosing = true
      // A connection that is lost already cannot be closed once more; gone is what we want.
      await manager.close().catch(() => undefined)
    },
  }
}
