import type { LiveLot, Standing } from '#src/domain/live-change.ts'

/** Events of a live stream by their names on the wire; docs/live.md explains them to clients. */
export const LIVE_EVENTS = ['lot', 'own', 'resync', 'heartbeat', 'reauthenticate'] as const

export type LiveEvent = (typeof LIVE_EVENTS)[number]

/** One server-sent event. The id is a place in the stream of events; `undefined` keeps the client's. */
function frame(event: LiveEvent, id: number | undefined, data: object): Buffer {
  const place = id === undefined ? '' : `id: ${id}\n`
  return Buffer.from(`event: ${event}\n${place}data: ${JSON.stringify(data)}\n\n`)
}

const now = () => new Date().toISOString()

export const lotFrame = (id: number | undefined, lot: LiveLot) =>
  frame('lot', id, { ...lot, serverTime: now() })

export const ownFrame = (
  id: number | undefined,
  itemId: string,
  standing: Standing,
  sequence: number,
) => frame('own', id, { itemId, standing, sequence })

/** These lots must be read: what happened to them is not known here. */
export const resyncFrame = (id: number | undefined, lots: readonly string[]) =>
  frame('resync', id, { lots })

/** `delayed`: this process does not get events at the moment, so prices may be old. */
export const heartbeatFrame = (id: number | undefined, delayed: boolean) =>
  frame('heartbeat', id, { serverTime: now(), delayed })

/** The session ended or the token expired: come back with another token, or without one. */
export const REAUTHENTICATE = frame('reauthenticate', undefined, {})

/** After how many milliseconds a client that lost its stream connects again. */
export const retryFrame = (milliseconds: number) => Buffer.from(`retry: ${milliseconds}\n\n`)
