import type { Channel } from 'amqplib'

// Under its own name the original's consumers find the exchange they declare themselves.
const LEGACY_EXCHANGES = [
  { exchange: 'bid.bidding', source: 'auction.bid', keys: 'bid.#' },
  { exchange: 'identity.user', source: 'auction.identity', keys: 'identity.user.#' },
]

/**
 * Passes events on to the exchanges that the original's consumers listen to. Nothing undoes it: who
 * switches the setting off again unbinds them by hand, lest a restart cut off a consumer in use.
 */
export async function declareLegacyExchanges(channel: Channel): Promise<void> {
  for (const { exchange, source, keys } of LEGACY_EXCHANGES) {
    await channel.assertExchange(exchange, 'topic', { durable: true })
    await channel.bindExchange(exchange, source, keys)
  }
}
