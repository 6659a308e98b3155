import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import type { Teardown } from '@auction/common/testing/database.ts'
import ipaddr from 'ipaddr.js'

export interface NameServer {
  /** As `dns.setServers` takes it. */
  address: string
  /** How many questions for addresses of this name came. */
  asked(name: string): number
}

/** Addresses of a name; one list for each time that it is asked for IPv4, the last one for ever. */
export type Zone = Record<string, readonly string[] | readonly (readonly string[])[] | 'silent'>

const TYPE_A = 1
const TYPE_AAAA = 28
const NO_SUCH_NAME = 3

/** A DNS server on this machine that knows these names. */
export async function startNameServer(t: Teardown, zone: Zone): Promise<NameServer> {
  const socket = createSocket('udp4')
  const questions: string[] = []
  socket.on('message', (query, sender) => {
    const { name, type, end } = readQuestion(query)
    const known = zone[name]
    if (known === 'silent') return
    if (type === TYPE_A) questions.push(name)
    const times = questions.filter((asked) => asked === name).length
    const addresses = (known === undefined ? [] : listOf(known, times)).filter(
      (address) => (isIPv4(address) ? TYPE_A : TYPE_AAAA) === type,
    )
    const header = Buffer.alloc(12)
    query.copy(header, 0, 0, 2)
    header.writeUInt16BE(0x8180 | (known === undefined ? NO_SUCH_NAME : 0), 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(addresses.length, 6)
    const records = addresses.map((address) => record(type, address))
    socket.send(Buffer.concat([header, query.subarray(12, end), ...records]), sender.port)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked: (name) => questions.filter((asked) => asked === name).length,
  }
}

function listOf(known: Exclude<Zone[string], 'silent'>, times: number): readonly string[] {
  const lists = known.filter((entry) => typeof entry !== 'string')
  if (lists.length === 0) return known.filter((entry) => typeof entry === 'string')
  return lists[Math.min(times, lists.length) - 1] ?? []
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

function record(type: number, address: string): Buffer {
  const bytes = Buffer.from(ipaddr.parse(address).toByteArray())
  const head = Buffer.alloc(12)
  // The name is the one at byte 12 of the message.
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(0, 6)
  head.writeUInt16BE(bytes.length, 10)
  return Buffer.concat([head, bytes])
}
