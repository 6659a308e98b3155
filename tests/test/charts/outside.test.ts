import { isPublicAddress } from '@auction/notification/domain/outgoing-address.ts'
import ipaddr from 'ipaddr.js'
import t from 'tap'
import { type KubeObject, ofKind, specOf } from '#src/charts/objects.ts'
import { PROFILES, render } from '#src/charts/render.ts'

interface Block {
  cidr: string
  except?: string[]
}
interface Port {
  port: number
  endPort?: number
}
interface Policy {
  egress?: { ports?: Port[]; to?: { ipBlock?: Block }[] }[]
}

const A_STRANGER = '1.1.1.1'
const HTTPS = 443

const isIn = (address: string, cidr: string) => {
  const [one, [network, bits]] = [ipaddr.parse(address), ipaddr.parseCIDR(cidr)]
  return one.kind() === network.kind() && one.match(network, bits)
}

/** Whether a policy lets its pods out to this address and port. */
function leaves(policy: KubeObject, address: string, port: number): boolean {
  const rules = specOf<Policy>(policy).egress ?? []
  return rules.some(
    ({ ports, to = [] }) =>
      (ports ?? [{ port }]).some((one) => one.port <= port && port <= (one.endPort ?? one.port)) &&
      to.some(
        ({ ipBlock }) =>
          ipBlock !== undefined &&
          isIn(address, ipBlock.cidr) &&
          !(ipBlock.except ?? []).some((cidr) => isIn(address, cidr)),
      ),
  )
}

for (const profile of PROFILES) {
  t.test(
    `profile ${profile}: who calls users' addresses or providers reaches them, and no one else`,
    async (t) => {
      const policies = ofKind(await render('auction-platform', profile), 'NetworkPolicy')
      const open = policies.filter((policy) => leaves(policy, A_STRANGER, HTTPS))
      t.same(
        open.map(({ metadata }) => metadata.name),
        ['auction-notification-worker', 'auction-payment-api', 'auction-payment-worker'],
      )
    },
  )
}

const policyOfWorker = async () => {
  const policies = ofKind(await render('auction-platform', 'production'), 'NetworkPolicy')
  const worker = policies.find(({ metadata }) => metadata.name === 'auction-notification-worker')
  if (worker === undefined) throw new Error('the worker has no policy')
  return worker
}

t.test('the policy keeps in what the client of these addresses refuses', async (t) => {
  const worker = await policyOfWorker()
  const blocks = (specOf<Policy>(worker).egress ?? []).flatMap(({ to = [] }) =>
    to.flatMap(({ ipBlock }) =>
      ipBlock === undefined ? [] : [ipBlock.cidr, ...(ipBlock.except ?? [])],
    ),
  )
  t.ok(blocks.length > 20)
  // The first and last address of every network, and those beside them.
  for (const cidr of [...blocks, ...SPECIAL]) {
    for (const address of edgesOf(cidr))
      t.equal(leaves(worker, address, HTTPS), isPublicAddress(address), `${address} of ${cidr}`)
  }
})

t.test('only ports that the client takes are open', async (t) => {
  const worker = await policyOfWorker()
  for (const [port, isOpen] of [
    [22, false],
    [80, false],
    [443, true],
    [444, false],
    [1_023, false],
    [1_024, true],
    [65_535, true],
  ] as const)
    t.equal(leaves(worker, A_STRANGER, port), isOpen, String(port))
})

// Addresses for special purposes, as IANA lists them, and the host of Azure's machines. Written here again:
// a network that is missing in the policy would not be looked for.
const SPECIAL =
  `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12
  192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24
  198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32
  ::/128 ::1/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/32 2001:2::/48 2001:3::/32
  2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48
  3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8`.split(/\s+/)

function edgesOf(cidr: string): string[] {
  const [network, bits] = ipaddr.parseCIDR(cidr)
  const bytes = network.toByteArray()
  const size = BigInt(bytes.length * 8 - bits)
  const first = (bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) >> size) << size
  const last = first + (1n << size) - 1n
  const end = (1n << BigInt(bytes.length * 8)) - 1n
  return [first - 1n, first, last, last + 1n]
    .filter((one) => one >= 0n && one <= end)
    .map((one) => {
      const parts = bytes.map((_, index) =>
        Number((one >> BigInt(8 * (bytes.length - 1 - index))) & 255n),
      )
      return ipaddr.fromByteArray(parts).toString()
    })
}
