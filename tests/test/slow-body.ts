import { request as httpRequest } from 'node:http'

/** Announces a body and sends only its beginning. */
export function sendSlowly(url: string, token: string) {
  return new Promise<{ statusCode: number; body: unknown; afterMs: number }>((resolve, reject) => {
    const startedAtMs = performance.now()
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': '30',
    }
    const outgoing = httpRequest(url, { method: 'POST', headers }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.on('end', () => {
        const isJson = String(response.headers['content-type']).includes('json')
        resolve({
          statusCode: response.statusCode ?? 0,
          body: isJson ? JSON.parse(text) : text,
          afterMs: performance.now() - startedAtMs,
        })
        outgoing.destroy()
      })
    })
    outgoing.on('error', reject)
    outgoing.write('{"maxAmount":')
  })
}
