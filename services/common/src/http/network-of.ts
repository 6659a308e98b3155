import { isIP } from 'node:net'

const V4_WITH_PORT = /^([\d.]+):\d+$/
const V6_IN_BRACKETS = /^\[(.+)\](?::\d+)?$/

/**
 * The address that a proxy names, without the zone, and without the port that some balancers write behind it; undefined
 * when it is none.
 */
export function addressOf(text: string): string | undefined {
  const bare = V4_WITH_PORT.exec(text)?.[1] ?? V6_IN_BRACKETS.exec(text)?.[1] ?? text
  const address = bare.replace(/%.*$/, '')
  return isIP(address) === 0 ? undefined : address
}

const V4_IN_V6 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/**
 * What counts as one address: all of IPv4, the first half of IPv6, of which one customer has at
 * least everything behind it.
 */
export function networkOf(text: string): string {
  const address = addressOf(text)
  // What is no address is one network, so that its callers are counted together.
  if (address === undefined) return ''
  const v4 = V4_IN_V6.exec(address)?.[1]
  if (v4 !== undefined) return v4
  if (!address.includes(':')) return address
  const [head = '', tail] = address.toLowerCase().split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array.from({ length: gap }, () => '0'), ...right]
  const half = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16))
  return `${half.join(':')}::/64`
}
