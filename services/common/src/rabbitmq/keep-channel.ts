import type { AmqpConnectionManager } from 'amqp-connection-manager'
import type { ConfirmChannel } from 'amqplib'
import type { Logger } from '../process/logger.ts'
import { untilAnswered } from './until-answered.ts'

export interface ChannelKeeper {
  manager: AmqpConnectionManager
  log: Logger
  /** Runs before every setup. */
  declare(channel: ConfirmChannel): Promise<void>
  /** Ends the connection, so that it and all its channels are set up again. */
  restart(): void
  isClosing(): boolean
  /** A channel that is not set up for so long on a connection that stands takes it along. */
  silentMaxMs: number
}

/** Opens a channel now and after every reconnect, and sees to it that it is there. */
export function keepChannel(
  keeper: ChannelKeeper,
  name: string,
  setup: (channel: ConfirmChannel) => Promise<void>,
): { close(): Promise<void> } {
  const { manager, log, restart } = keeper
  const state = { isClosing: false, isFailing: false, isSetUp: false }
  let latest: ConfirmChannel | undefined
  const fail = (error: unknown) => {
    if (state.isFailing || state.isClosing || keeper.isClosing()) return
    state.isFailing = true
    log.warn({ err: error, channel: name }, 'broker channel failed')
  }
  const isCurrent = (channel: ConfirmChannel) =>
    manager.connection?.connection === channel.connection
  const wrapper = manager.createChannel({
    name,
    confirm: true,
    setup: async (channel: ConfirmChannel) => {
      latest = channel
      // The wrapper only makes a new channel with a new connection, so a channel that ends
      // alone (its queue was deleted, a confirm timed out) must take the connection along.
      // Later, because a connection that is lost ends its channels before it says so itself.
      const restartWhenAlone = () =>
        setImmediate(() => {
          if (isCurrent(channel) && !state.isClosing) restart()
        })
      channel.on('error', fail)
      channel.once('close', () => {
        if (latest === channel) {
          latest = undefined
          state.isSetUp = false
        }
        restartWhenAlone()
      })
      try {
        await keeper.declare(channel)
        await setup(channel)
        state.isFailing = false
        state.isSetUp = latest === channel
      } catch (error) {
        if (isCurrent(channel)) fail(error)
        restartWhenAlone()
      }
    },
  })
  wrapper.on('error', fail)
  // A broker that is there while a channel is not is an unforeseen state: start over.
  const watch = whenSilent(
    () => state.isSetUp || !manager.isConnected(),
    keeper.silentMaxMs,
    () => {
      log.error({ channel: name }, 'connected without a channel, starting over')
      restart()
    },
  )
  return {
    async close() {
      state.isClosing = true
      clearInterval(watch)
      await untilAnswered(wrapper.close())
    },
  }
}

/** Acts when something was not well for so long without a break, and again after as long. */
function whenSilent(isWell: () => boolean, silentMaxMs: number, act: () => void): NodeJS.Timeout {
  let wellAtMs = performance.now()
  const look = () => {
    const nowMs = performance.now()
    const isSilent = !isWell()
    if (isSilent && nowMs - wellAtMs < silentMaxMs) return
    if (isSilent) act()
    wellAtMs = nowMs
  }
  return setInterval(look, silentMaxMs / 6).unref()
}
