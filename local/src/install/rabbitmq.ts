import { existsSync } from 'node:fs'
import { ensureSystemPackage } from './system-package.ts'

// Debian's /usr/sbin/rabbitmq-server insists on root or its own user; this is what it calls.
const SERVERS = [
  '/usr/lib/rabbitmq/bin/rabbitmq-server',
  '/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server',
  '/usr/local/opt/rabbitmq/sbin/rabbitmq-server',
  '/usr/local/sbin/rabbitmq-server',
]

/** Finds the broker's program or installs it. */
export function ensureRabbitmq(log: (line: string) => void): string {
  return ensureSystemPackage({
    title: 'RabbitMQ',
    apt: 'rabbitmq-server',
    brew: 'rabbitmq',
    find: () => SERVERS.find((path) => existsSync(path)),
    log,
  })
}
