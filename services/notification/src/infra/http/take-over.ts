import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

type FreeParser = (parser: unknown, request: IncomingMessage, socket: Socket) => void

// What Node itself calls when a connection changes hands: after an upgrade, or when it is sent to another
// process. There is no other way to it. Without it everything works, and takes more memory.
const { freeParser } = (process.getBuiltinModule('_http_common') ?? {}) as {
  freeParser?: FreeParser
}

/**
 * Takes the connection of a request out of the hands of the HTTP server and lets go of the request,
 * the response and the parser: they are four fifths of the memory of a client that only listens. What the
 * client still sends is thrown away; when it closes its side, the connection is closed.
 */
export function takeOver(request: IncomingMessage, response: ServerResponse, socket: Socket): void {
  response.detachSocket(socket)
  socket.removeAllListeners()
  // A connection that is reset is closed as well, which is where it is noticed.
  socket.on('error', () => undefined)
  socket.on('end', () => socket.destroy())
  // The parser may be at work on this very request further up the stack.
  setImmediate(() => {
    const { parser } = socket as Socket & { parser?: unknown }
    if (parser !== undefined && parser !== null) freeParser?.(parser, request, socket)
    socket.resume()
  })
}
