import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import type { Teardown } from '@auction/common/testing/database.ts'

/** A host of its own, as far as the kernel's network is concerned, with one cable to this one. */
export interface OtherHost {
  /** The address of this host on the cable, and the network of both ends. */
  address: string
  network: string
  /** A program and its arguments, as they run there. */
  command(program: string, args: string[]): [string, string[]]
  /** Pulls the cable: nothing that either host sends arrives, no connection is closed. */
  vanish(): void
}

/** Why there can be no other host here; undefined when there can. */
export function whyNoOtherHost(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s'
  const name = `auction-probe-${randomBytes(3).toString('hex')}`
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' })
  if (made.error !== undefined) return `there is no ip command: ${made.error.message}`
  if (made.status !== 0) return `a network namespace may not be made: ${made.stderr.trim()}`
  const linked = spawnSync(
    'ip',
    ['-n', name, 'link', 'add', 'name', 'near', 'type', 'veth', 'peer', 'name', 'far'],
    {
      encoding: 'utf8',
    },
  )
  execFileSync('ip', ['netns', 'del', name])
  if (linked.status !== 0) return `a virtual cable may not be made: ${linked.stderr.trim()}`
  return undefined
}

export function createOtherHost(t: Teardown): OtherHost {
  const suffix = randomBytes(3).toString('hex')
  const [name, near, far] = [`auction-${suffix}`, `an-${suffix}`, `af-${suffix}`]
  const network = `10.${randomInt(200, 250)}.${randomInt(256)}`
  const ip = (...args: string[]) =>
    execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  ip('netns', 'add', name)
  // The cable goes with the namespace.
  t.teardown(() => ip('netns', 'del', name))
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name)
  ip('addr', 'add', `${network}.1/30`, 'dev', near)
  ip('link', 'set', near, 'up')
  ip('-n', name, 'addr', 'add', `${network}.2/30`, 'dev', far)
  ip('-n', name, 'link', 'set', far, 'up')
  ip('-n', name, 'link', 'set', 'lo', 'up')
  return {
    address: `${network}.1`,
    network: `${network}.0/30`,
    command: (program, args) => ['ip', ['netns', 'exec', name, program, ...args]],
    vanish: () => ip('-n', name, 'link', 'set', far, 'down'),
  }
}
