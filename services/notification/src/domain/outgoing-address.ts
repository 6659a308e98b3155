import ipaddr from 'ipaddr.js'

/** A network that may be called although it is not public; from the settings, for tests on one machine. */
export type Network = readonly [ipaddr.IPv4 | ipaddr.IPv6, number]

/** What may be called besides the public internet, and which name is our own. */
export interface OutgoingRules {
  readonly allowedNetworks: readonly Network[]
  /** The host that people type to reach this platform. */
  readonly ownHost: string
}

/** Why an address that a user gave is not called. The codes are stable: users see them. */
export type OutgoingRefusal =
  | 'url_invalid'
  | 'scheme_refused'
  | 'credentials_refused'
  | 'port_refused'
  | 'host_refused'
  | 'address_refused'

/** The parts of a URL that is called. */
export interface OutgoingTarget {
  readonly isEncrypted: boolean
  /** A name without its last dot, or an address without brackets. */
  readonly host: string
  readonly isAddress: boolean
  readonly port: number
  /** What the header Host says. */
  readonly authority: string
  readonly path: string
}

export type ReadTarget =
  | { readonly ok: true; readonly target: OutgoingTarget }
  | { readonly ok: false; readonly code: OutgoingRefusal }

/** The most characters of a URL that a user gives. */
export const URL_CHARACTERS_MAX = 2_048

const HOST_CHARACTERS_MAX = 253
const RESERVED_PORT_MAX = 1_023
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80 }

// Names of machines, clusters and houses, which the internet does not have.
const PRIVATE_ENDINGS = [
  'arpa',
  'corp',
  'home',
  'internal',
  'intranet',
  'lan',
  'local',
  'localdomain',
  'localhost',
  'onion',
  'private',
  'svc',
]

// Public by its number, but inside of Azure it is the host of the virtual machine.
const HOST_OF_AZURE = '168.63.129.16'

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/**
 * Judges a URL by its text alone (R-HOOK-1). Whatever notation its host has, `URL` makes one of it: an IPv4
 * address in four decimal parts, an IPv6 address in brackets, or a name in ASCII.
 */
export function readTarget(text: string, rules: OutgoingRules): ReadTarget {
  const url = text.length <= URL_CHARACTERS_MAX ? URL.parse(text) : null
  if (url === null) return refused('url_invalid')
  // Without encryption only what the settings allow is called; the client compares the addresses.
  const isEncrypted = url.protocol === 'https:'
  if (!isEncrypted && (url.protocol !== 'http:' || rules.allowedNetworks.length === 0)) {
    return refused('scheme_refused')
  }
  if (url.username !== '' || url.password !== '') return refused('credentials_refused')
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : Number(url.port)
  if (port === undefined || (url.port !== '' && port <= RESERVED_PORT_MAX)) {
    return refused('port_refused')
  }
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '')
  const isAddress = ipaddr.isValid(host)
  if (isAddress && !isAllowed(host, rules)) return refused('address_refused')
  if (!isAddress && !isPublicName(host, rules.ownHost)) return refused('host_refused')
  const target = {
    isEncrypted,
    host,
    isAddress,
    port,
    authority: url.host,
    path: url.pathname + url.search,
  }
  return { ok: true, target }
}

const refused = (code: OutgoingRefusal): ReadTarget => ({ ok: false, code })

/** Whether this address may be called; it is written as DNS and `URL` write addresses. */
export function isAllowed(address: string, rules: OutgoingRules): boolean {
  return isPublicAddress(address) || isInNetworks(address, rules.allowedNetworks)
}

/** Whether a network of the settings has this address. */
export function isInNetworks(address: string, networks: readonly Network[]): boolean {
  const parsed = parse(address)
  if (parsed === undefined) return false
  return networks.some(
    ([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits),
  )
}

/**
 * Whether an address is one of a machine in the public internet. Of IPv6 only 2000::/3 is given to such
 * machines; below it lie tunnels, which lead to the IPv4 address that they contain.
 */
export function isPublicAddress(address: string): boolean {
  const parsed = parse(address)
  if (parsed === undefined || parsed.range() !== 'unicast') return false
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString() !== HOST_OF_AZURE
  const [first = 0, , , , fifth = 0, sixth = 0] = parsed.parts
  const isIsatap = sixth === 0x5efe && (fifth === 0 || fifth === 0x200)
  return first >> 13 === 1 && parsed.zoneId === undefined && !isIsatap
}

/** `10.0.0.0/8, fd00::/8`; throws for what is no list of networks. */
export function readNetworks(list: string): Network[] {
  return list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => ipaddr.parseCIDR(part))
}

function parse(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // The parser also takes octal and short forms, of which neither DNS nor `URL` makes any.
  const isWritten = ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address)
  return isWritten ? ipaddr.parse(address) : undefined
}

function isPublicName(host: string, ownHost: string): boolean {
  const labels = host.split('.')
  if (host.length > HOST_CHARACTERS_MAX || labels.length < 2) return false
  if (!labels.every((label) => LABEL.test(label))) return false
  if (isBelow(host, ownHost) && !ipaddr.isValid(ownHost)) return false
  return !PRIVATE_ENDINGS.some((ending) => isBelow(host, ending))
}

const isBelow = (host: string, ending: string) => host === ending || host.endsWith(`.${ending}`)
