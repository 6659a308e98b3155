import { once } from 'node:events'
import { connect } from 'node:http2'

/** An empty message in gRPC's frame: not compressed, no bytes. */
const EMPTY_MESSAGE = Buffer.alloc(5)

/** Calls a gRPC method without a token and without a library; answers the status it ended with. */
export async function callGrpc(url: string, method: string): Promise<string> {
  const session = connect(url)
  try {
    const call = session.request({
      ':method': 'POST',
      ':path': `/${method}`,
      te: 'trailers',
      'content-type': 'application/grpc',
    })
    let status = ''
    for (const part of ['response', 'trailers'] as const) {
      call.on(part, (headers) => {
        status = String(headers['grpc-status'] ?? status)
      })
    }
    call.end(EMPTY_MESSAGE)
    call.resume()
    await once(call, 'close')
    return status
  } finally {
    session.close()
  }
}
