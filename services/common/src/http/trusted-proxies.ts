import { isIP } from 'node:net'

const BITS: Record<number, number> = { 4: 32, 6: 128 }
/** Wider than this is no set of proxies but the internet. */
const PREFIX_MIN = 8

/**
 * Reads addresses and CIDRs, separated by commas. Throws on anything else: a proxy that is trusted
 * by mistake lets every client say where it comes from.
 */
export function readTrustedProxies(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      if (isProxy(part)) return part
      throw new Error(`TRUSTED_PROXIES: ${part} is neither an address nor a CIDR from /8 on`)
    })
}

function isProxy(part: string): boolean {
  const [address = '', prefix, ...rest] = part.split('/')
  const bits = BITS[isIP(address)]
  if (bits === undefined || rest.length > 0) return false
  if (prefix === undefined) return true
  return /^\d{1,3}$/.test(prefix) && Number(prefix) >= PREFIX_MIN && Number(prefix) <= bits
}
