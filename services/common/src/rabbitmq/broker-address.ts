/** How a process reaches the broker and what it may do there. */
export interface BrokerAddress {
  url: string
  topology: 'declare' | 'expect'
  /** Whether the exchanges that the original's consumers use are declared as well. */
  hasLegacyExchanges: boolean
}

export interface BrokerConfig {
  RABBITMQ_URL: string
  RABBITMQ_USERNAME: string
  RABBITMQ_PASSWORD: string
  RABBITMQ_TOPOLOGY: 'declare' | 'expect'
  LEGACY_EXCHANGES?: boolean
}

/** The address with the credentials in it, encoded: a password may hold any character. */
export function brokerAddress(settings: BrokerConfig): BrokerAddress {
  // The error of `new URL` holds the text, and with it perhaps a password: it must not be logged.
  const url = URL.parse(settings.RABBITMQ_URL)
  if (url === null) throw new Error('RABBITMQ_URL is not a URL such as amqp://host:5672/vhost')
  if (settings.RABBITMQ_USERNAME !== '') {
    url.username = encodeURIComponent(settings.RABBITMQ_USERNAME)
    url.password = encodeURIComponent(settings.RABBITMQ_PASSWORD)
  }
  return {
    url: url.href,
    topology: settings.RABBITMQ_TOPOLOGY,
    hasLegacyExchanges: settings.LEGACY_EXCHANGES ?? false,
  }
}
