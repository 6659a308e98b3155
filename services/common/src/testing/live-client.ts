import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** A server-sent event as it came. */
export interface LiveMessage {
  event: string
  id: number | undefined
  data: Record<string, unknown>
}

/** What a client shows of a lot: fields of `GET /api/v1/lots/:id`, of which these are needed here. */
export interface ShownLot {
  sequence: number
  phase?: string
  currentPrice?: string
  [field: string]: unknown
}

export interface LiveClientOptions {
  /** One after another, as a gateway that lost a replica would choose. */
  urls: readonly string[]
  lots: readonly string[]
  /** Asked at every connection; undefined for a visitor who is not logged in. */
  token?: () => string | undefined
  /** Reads a lot the ordinary way: at the start, and when the stream says so. */
  readLot?(itemId: string): Promise<ShownLot | undefined>
  /** A loopback address to connect from. */
  localAddress?: string
  /** PEM of an authority to believe beside those of the system. */
  ca?: string
  /** Longer pauses that the server asks for are cut to this. */
  retryMaxMs?: number
  /** Goes on after this id. */
  after?: number
}

export interface LiveClient {
  /** The newest state of each lot, by sequence, whatever it came from. */
  readonly lots: ReadonlyMap<string, ShownLot>
  readonly standings: ReadonlyMap<string, { standing: string; sequence: number }>
  readonly messages: readonly LiveMessage[]
  /** Everything that came, as it came. */
  text(): string
  /** Streams that were opened so far. */
  opened(): number
  /** Status and body of the last refusal. */
  refusal(): { statusCode: number; body: Record<string, unknown> } | undefined
  lastId(): number | undefined
  isOpen(): boolean
  /** Loses the connection, as a phone in a tunnel; the client comes back by itself. */
  drop(): void
  /** Neither reads nor closes any more. */
  freeze(): void
  close(): void
}

const RETRY_MS = 1_000
/** Twice as long as two heartbeats take to come: the connection is lost, whatever the system says. */
const SILENT_MS = 60_000

/**
 * A client of `GET /api/v1/live` as docs/live.md describes it: it opens the stream, then reads the
 * lots, applies what has a higher sequence, and comes back with the last id.
 */
export function openLiveClient(options: LiveClientOptions): LiveClient {
  const { urls, lots: itemIds, readLot, retryMaxMs = 5_000 } = options
  const lots = new Map<string, ShownLot>()
  const standings = new Map<string, { standing: string; sequence: number }>()
  const messages: LiveMessage[] = []
  const chunks: string[] = []
  let last = options.after
  let retryMs = RETRY_MS
  let opened = 0
  let tries = 0
  let isClosed = false
  let refusal: ReturnType<LiveClient['refusal']>
  let current: { request: ClientRequest; response?: IncomingMessage } | undefined
  let timer: NodeJS.Timeout | undefined

  const show = (itemId: string, lot: ShownLot) => {
    const known = lots.get(itemId)
    if (known === undefined || lot.sequence > known.sequence) lots.set(itemId, lot)
  }
  const read = async (ids: readonly string[]) => {
    await Promise.all(
      ids.map(async (itemId) => {
        const lot = await readLot?.(itemId)
        if (lot !== undefined) show(itemId, lot)
      }),
    )
  }
  const take = (message: LiveMessage) => {
    messages.push(message)
    const { event, data } = message
    if (event === 'lot') show(String(data.itemId), data as ShownLot)
    if (event === 'resync') void read(data.lots as string[]).catch(() => undefined)
    if (event !== 'own') return
    const { itemId, standing, sequence } = data as Record<string, string> & { sequence: number }
    const known = standings.get(String(itemId))
    if (known === undefined || sequence > known.sequence)
      standings.set(String(itemId), { standing: String(standing), sequence })
  }
  const takeBlock = (block: string) => {
    const fields = new Map(
      block.split('\n').map((line) => {
        const [name = '', ...rest] = line.split(': ')
        return [name, rest.join(': ')]
      }),
    )
    const id = fields.get('id')
    if (id !== undefined) last = Number(id)
    const retry = fields.get('retry')
    if (retry !== undefined) retryMs = Math.min(Number(retry), retryMaxMs)
    const data = fields.get('data')
    if (data === undefined) return
    take({
      event: fields.get('event') ?? 'message',
      id: id === undefined ? undefined : Number(id),
      data: JSON.parse(data),
    })
  }
  const comeBack = (attempt: object, afterMs: number) => {
    if (isClosed || current !== attempt) return
    current = undefined
    timer = setTimeout(connect, afterMs)
  }
  const connect = () => {
    const url = new URL('/api/v1/live', urls[tries % urls.length])
    tries += 1
    url.searchParams.set('lots', itemIds.join())
    const token = options.token?.()
    const isNew = last === undefined
    const attempt: NonNullable<typeof current> = {
      request: (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
        agent: false,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
        headers: {
          accept: 'text/event-stream',
          ...(last === undefined ? {} : { 'last-event-id': String(last) }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      }),
    }
    current = attempt
    attempt.request.on('error', () => comeBack(attempt, retryMs))
    attempt.request.setTimeout(SILENT_MS, () => attempt.request.destroy())
    attempt.request.on('response', (response) => {
      attempt.response = response
      response.setEncoding('utf8')
      response.on('error', () => undefined)
      if (response.statusCode !== 200) return refused(attempt, response)
      opened += 1
      if (isNew) void read(itemIds).catch(() => undefined)
      let pending = ''
      response.on('data', (chunk: string) => {
        chunks.push(chunk)
        const blocks = (pending + chunk).split('\n\n')
        pending = blocks.pop() ?? ''
        for (const block of blocks) takeBlock(block)
      })
      response.on('close', () => comeBack(attempt, retryMs))
    })
    attempt.request.end()
  }
  const refused = (attempt: object, response: IncomingMessage) => {
    let text = ''
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.on('close', () => {
      const isJson = String(response.headers['content-type']).includes('json')
      refusal = {
        statusCode: response.statusCode ?? 0,
        body: isJson ? JSON.parse(text) : { text },
      }
      const seconds = Number(response.headers['retry-after'] ?? 1)
      comeBack(attempt, Math.min(seconds * 1_000, retryMaxMs))
    })
  }
  connect()

  return {
    lots,
    standings,
    messages,
    text: () => chunks.join(''),
    opened: () => opened,
    refusal: () => refusal,
    lastId: () => last,
    isOpen: () => current?.response?.statusCode === 200,
    drop: () => current?.request.destroy(),
    freeze: () => current?.response?.socket.pause(),
    close() {
      isClosed = true
      clearTimeout(timer)
      current?.request.destroy()
    },
  }
}
