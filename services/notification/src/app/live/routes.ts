import type { Socket } from 'node:net'
import { bearerOf } from '@auction/common/http/auth.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import { networkOf } from '@auction/common/http/network-of.ts'
import { answers } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { UUID } from '@auction/common/ids.ts'
import { Type } from 'typebox'
import { notificationErrors } from '#src/errors.ts'
import { takeOver } from '#src/infra/http/take-over.ts'
import type { Live } from './live.ts'

const LOTS_MAX = 50
const ID = UUID.source.replace(/^\^|\$$/g, '')
const PLACE = /^\d{1,15}$/

const Query = Type.Object({
  lots: Type.String({
    pattern: `^${ID}(,${ID}){0,${LOTS_MAX - 1}}$`,
    maxLength: 37 * LOTS_MAX,
    description: `Ids of 1 to ${LOTS_MAX} lots, by commas`,
  }),
  after: Type.Optional(
    Type.String({ maxLength: 40, description: 'Instead of Last-Event-ID: the id to go on after' }),
  ),
})

/** The one stream of a client: prices of lots and, with a token, how the caller stands on them. */
export async function liveRoutes(app: App, live: Live): Promise<void> {
  app.get(
    '/api/v1/live',
    {
      config: { auth: 'optional' },
      schema: {
        tags: ['live'],
        operationId: 'watchLots',
        summary: 'Prices, ends and closings of lots as they happen, as server-sent events',
        description:
          'Events: lot, own, resync, heartbeat, reauthenticate (docs/live.md). Open the stream first, then read ' +
          'the lots, then apply every event with a higher sequence. Needs `Accept: text/event-stream`.',
        produces: ['text/event-stream'],
        headers: Type.Object({
          'last-event-id': Type.Optional(Type.String({ maxLength: 40 })),
        }),
        querystring: Query,
        response: answers({ 200: Type.String() }, [406]),
      },
    },
    async (request, reply) => {
      // What passes this on by pieces looks for the same word; without it events would wait in the gateway.
      if (!(request.headers.accept ?? '').includes('text/event-stream'))
        throw notificationErrors.liveNotAcceptable()
      const { caller } = request
      const network = networkOf(request.ip)
      live.admit({ caller, network })
      const socket: Socket | null = reply.raw.socket
      // An answer before this one is still being written on the connection, or the client has gone.
      if (socket === null || socket.destroyed) throw serviceUnavailable()
      const { lots, after = request.headers['last-event-id'] } = request.query
      const token = bearerOf(request.headers.authorization)
      reply.hijack()
      reply.recordAnswer()
      takeOver(request.raw, reply.raw, socket)
      live.open({
        socket,
        head: headOf(request.trace.correlationId),
        itemIds: [...new Set(lots.split(','))],
        caller,
        token,
        network,
        after: placeOf(after),
      })
    },
  )
  app.addHook('preClose', () => live.close())
}

/** A place that cannot be read is before all others: everything was missed. */
function placeOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  return PLACE.test(text) ? Number(text) : Number.NEGATIVE_INFINITY
}

// Written by ourselves, and the end of the connection is the end of the body: so the same bytes go to
// every client. By the response of Node an event costs twice as much.
const headOf = (correlationId: string) =>
  Buffer.from(
    [
      'HTTP/1.1 200 OK',
      'content-type: text/event-stream; charset=utf-8',
      'cache-control: no-store',
      'x-accel-buffering: no',
      'x-content-type-options: nosniff',
      `x-correlation-id: ${correlationId}`,
      `date: ${new Date().toUTCString()}`,
      'connection: close',
      '\r\n',
    ].join('\r\n'),
  )
