import { request as httpRequest } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

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

/** Sends a file as a line does that needs so long for it. */
export async function uploadSlowly(
  url: string,
  token: string,
  file: { field: string; bytes: Buffer },
  durationMs: number,
): Promise<{ statusCode: number; body: unknown }> {
  const form = new FormData()
  form.set(file.field, new Blob([new Uint8Array(file.bytes)], { type: 'image/png' }), 'a.png')
  const encoded = new Response(form)
  const bytes = Buffer.from(await encoded.arrayBuffer())
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': encoded.headers.get('content-type') ?? '',
    'content-length': String(bytes.length),
  }
  const outgoing = httpRequest(url, { method: 'POST', headers })
  const answered = new Promise<{ statusCode: number; body: unknown }>((resolve, reject) => {
    outgoing.on('error', reject)
    outgoing.on('response', async (response) => {
      const chunks = await response.toArray()
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
      resolve({ statusCode: response.statusCode ?? 0, body })
    })
  })
  // What comes before the last byte is the answer of a server that waited no longer.
  let isAnswered = false
  const stop = () => {
    isAnswered = true
  }
  void answered.then(stop, stop)
  const pieces = 20
  const size = Math.ceil(bytes.length / pieces)
  for (let at = 0; at < bytes.length && !isAnswered; at += size) {
    outgoing.write(bytes.subarray(at, at + size))
    await wait(durationMs / pieces)
  }
  outgoing.end()
  return answered
}
