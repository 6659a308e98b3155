import type { FastifyReply, FastifyRequest } from 'fastify'

/** What is read of a refused body before its connection is cut. */
export const UNREAD_BODY_BYTES_MAX = 1024 * 1024

/**
 * Lets a refused request finish arriving, so that its answer does. Fastify closes the connection
 * of a body it did not take; bytes still on their way then make the system reset it, and a gateway
 * that was sending answers 502 for the 413 it did not get to read.
 */
export function discardBody(request: FastifyRequest, reply: FastifyReply): void {
  if (reply.getHeader('connection') !== 'close') return
  reply.removeHeader('connection')
  if (request.raw.complete) return
  let bytes = 0
  request.raw.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > UNREAD_BODY_BYTES_MAX) request.raw.destroy()
  })
}
