import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface WireAnswer {
  /** 0: the connection ended, or nothing came in time. */
  readonly status: number
  /** Everything that came, further answers included. */
  readonly text: string
}

export interface WireOptions {
  readonly url: string
  /** PEM of the authority that signed the gateway's certificate. */
  readonly ca?: string
  /** How long to listen for a second answer after the first one. */
  readonly lingerMs?: number
}

const TIMEOUT_MS = 60_000

/** Sends the bytes as they are, which no HTTP client would, on a connection of their own. */
export function sendBytes(bytes: string, options: WireOptions): Promise<WireAnswer> {
  const { lingerMs = 0 } = options
  return new Promise((resolve) => {
    const socket = open(options)
    let text = ''
    let isDone = false
    const finish = () => {
      if (isDone) return
      isDone = true
      clearTimeout(timeout)
      socket.destroy()
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0)
      resolve({ status, text })
    }
    const timeout = setTimeout(finish, TIMEOUT_MS)
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      text += String(chunk)
      if (!isComplete(text)) return
      if (lingerMs === 0) finish()
      else setTimeout(finish, lingerMs)
    })
    socket.on('error', finish)
    socket.on('close', finish)
    socket.write(Buffer.from(bytes, 'latin1'))
  })
}

function open({ url, ca }: WireOptions): Socket {
  const { protocol, hostname, port } = new URL(url)
  if (protocol === 'http:') return connect(Number(port || 80), hostname)
  return connectTls({
    host: hostname,
    port: Number(port || 443),
    servername: hostname,
    ALPNProtocols: ['http/1.1'],
    ...(ca === undefined ? {} : { ca }),
  })
}

/** Whether the first answer has come to its end. */
function isComplete(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const head = text.slice(0, end).toLowerCase()
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1]
  if (length !== undefined) return text.length >= end + 4 + Number(length)
  if (head.includes('\r\ntransfer-encoding: chunked')) return text.includes('\r\n0\r\n\r\n', end)
  return /^http\/1\.[01] (204|304)/.test(head)
}
