/**
 * Watchers of live streams, a process of their own. Raw sockets with one buffer for all of them,
 * because a general client costs more than the server under test.
 */
import { connect, type Socket } from 'node:net'

export interface WatchersOrder {
  port: number
  /** What each of the connections watches. */
  lots: string[][]
  /** Last part of the loopback address that connections come from, 127.0.0.x. */
  address: number
  /** So many of them never read. */
  frozen: number
}

/** What a watcher was sent: the sequence of a lot, and when it was read, in epoch milliseconds. */
export interface Sighting {
  itemId: string
  watcher: number
  sequence: number
  atMs: number
}

export type WatchersReport =
  | { kind: 'connected' }
  | { kind: 'sightings'; sightings: Sighting[]; lost: number; cpuSeconds: number }

const OPENING = 200
const SEQUENCE = Buffer.from('"sequence":')
const ITEM = Buffer.from('"itemId":"')
const LOT = Buffer.from('event: lot\n')
const END = Buffer.from('\n\n')

if (process.argv[2] === 'run') {
  process.once('message', (order: WatchersOrder) => void run(order))
  process.send?.('ready')
}

async function run(order: WatchersOrder): Promise<void> {
  const { lots, frozen } = order
  const sightings: Sighting[] = []
  const sockets: Socket[] = []
  let lost = 0
  let isOver = false
  const buffer = Buffer.alloc(64 * 1024)
  const opening = lots.entries()
  const open = async () => {
    for (const [watcher, itemIds] of opening) {
      const isFrozen = watcher < frozen
      const socket = await openOne(order, itemIds, isFrozen, buffer, (itemId, sequence) => {
        sightings.push({
          itemId,
          watcher,
          sequence,
          atMs: performance.timeOrigin + performance.now(),
        })
      })
      socket.on('close', () => {
        if (!isOver && !isFrozen) lost += 1
      })
      sockets.push(socket)
    }
  }
  await Promise.all(Array.from({ length: OPENING }, open))
  const cpuBefore = process.cpuUsage()
  process.on('message', () => {
    isOver = true
    const { user, system } = process.cpuUsage(cpuBefore)
    const report = { kind: 'sightings', sightings, lost, cpuSeconds: (user + system) / 1e6 }
    process.send?.(report, () => process.exit(0))
  })
  process.send?.({ kind: 'connected' })
}

/** Resolves when the stream has begun. */
function openOne(
  { port, address }: WatchersOrder,
  itemIds: readonly string[],
  isFrozen: boolean,
  shared: Buffer,
  seen: (itemId: string, sequence: number) => void,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let pending: Buffer | undefined
    let hasBegun = false
    const take = (length: number, buffer: Uint8Array) => {
      const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, length)
      const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk])
      const upTo = bytes.lastIndexOf(END)
      const rest = upTo === -1 ? 0 : upTo + END.length
      // The buffer is used again, so what is left is copied.
      pending = rest === bytes.length ? undefined : Buffer.from(bytes.subarray(rest))
      if (rest > 0) readLots(bytes.subarray(0, rest), seen)
      if (hasBegun) return true
      const status = chunk.toString('latin1', 9, 12)
      if (status !== '200') reject(new Error(`a stream was answered ${status}`))
      hasBegun = true
      if (isFrozen) socket.pause()
      resolve(socket)
      return true
    }
    const socket = connect({
      host: '127.0.0.1',
      port,
      localAddress: `127.0.0.${address}`,
      noDelay: true,
      ...(isFrozen ? {} : { onread: { buffer: shared, callback: take } }),
    })
    // Without a buffer of its own a socket can be stopped.
    if (isFrozen) socket.once('data', (chunk) => take(chunk.length, chunk))
    socket.on('error', (error) => {
      if (!hasBegun) reject(error)
    })
    socket.on('connect', () => {
      const path = `/api/v1/live?lots=${itemIds.join()}`
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`)
    })
  })
}

function readLots(bytes: Buffer, seen: (itemId: string, sequence: number) => void): void {
  for (let at = bytes.indexOf(LOT); at !== -1; at = bytes.indexOf(LOT, at + 1)) {
    const item = bytes.indexOf(ITEM, at) + ITEM.length
    const from = bytes.indexOf(SEQUENCE, item) + SEQUENCE.length
    let sequence = 0
    for (let index = from; ; index += 1) {
      const digit = (bytes[index] ?? 0) - 48
      if (digit < 0 || digit > 9) break
      sequence = sequence * 10 + digit
    }
    seen(bytes.toString('latin1', item, item + 36), sequence)
  }
}
