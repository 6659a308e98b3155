import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

// Debian's /usr/sbin/rabbitmq-server insists on root or its own user; this is what it calls.
const SERVERS = [
  '/usr/lib/rabbitmq/bin/rabbitmq-server',
  '/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server',
  '/usr/local/opt/rabbitmq/sbin/rabbitmq-server',
  '/usr/local/sbin/rabbitmq-server',
]

// The package would start a broker of its own on 5672; policy-rc.d is Debian's way to say no.
const APT_SCRIPT = `set -e
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends rabbitmq-server`

const found = () => SERVERS.find((path) => existsSync(path))
const has = (command: string) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0

/** Finds the broker's program or installs it with whatever this machine has for that. */
export function ensureRabbitmq(log: (line: string) => void): string {
  const present = found()
  if (present !== undefined) return present
  const attempts: string[] = []
  const attempt = (name: string, command: string, args: string[]) => {
    log(`installing rabbitmq-server with ${name}`)
    try {
      execFileSync(command, args, { stdio: 'pipe' })
    } catch (error) {
      const { stderr } = error as { stderr?: Buffer }
      attempts.push(`${name}: ${stderr?.toString().trim().split('\n').at(-1) ?? String(error)}`)
    }
  }
  if (has('apt-get')) {
    if (process.getuid?.() === 0) attempt('apt-get', 'sh', ['-c', APT_SCRIPT])
    else if (has('sudo')) attempt('sudo apt-get', 'sudo', ['-n', 'sh', '-c', APT_SCRIPT])
    else attempts.push('apt-get: needs root, and there is no sudo')
  }
  if (found() === undefined && has('brew')) attempt('brew', 'brew', ['install', 'rabbitmq'])
  const installed = found()
  if (installed !== undefined) return installed
  throw new Error(
    [
      'RabbitMQ is needed and could not be installed.',
      ...attempts.map((text) => `  - ${text}`),
      'Install rabbitmq-server (for example "sudo apt-get install rabbitmq-server") and start again.',
    ].join('\n'),
  )
}
