import { readBounded } from '@auction/common/http/read-bounded.ts'
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'

const TIMEOUT_MS = 3_000
const BODY_BYTES_MAX = 2 * 1024 * 1024

/** A service behind this one did not give a usable answer. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
}

const Instant = Type.String({ format: 'date-time' })

const Image = Type.Object({
  alt_text: Type.String(),
  width: Type.Integer(),
  height: Type.Integer(),
  urls: Type.Object({ medium: Type.String() }),
})

const Item = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.Optional(Type.String()),
  currencyCode: Type.String(),
  startPrice: Type.String(),
  currentPrice: Type.Optional(Type.String()),
  bidCount: Type.Integer(),
  hasReserve: Type.Boolean(),
  reserveMet: Type.Boolean(),
  buyoutPrice: Type.Optional(Type.String()),
  startDate: Instant,
  endDate: Instant,
  status: Type.String(),
  images: Type.Optional(Type.Array(Image)),
})

const ItemList = Type.Object({
  items: Type.Array(Item),
  page: Type.Integer(),
  totalItems: Type.Integer(),
  totalPages: Type.Integer(),
  serverTime: Instant,
})

const Lot = Type.Object({
  phase: Type.String(),
  currencyCode: Type.String(),
  startPrice: Type.String(),
  currentPrice: Type.Optional(Type.String()),
  minNextBid: Type.Optional(Type.String()),
  bidCount: Type.Integer(),
  leaderAlias: Type.Optional(Type.String()),
  hasReserve: Type.Boolean(),
  reserveMet: Type.Boolean(),
  startDate: Instant,
  endDate: Instant,
  hardEndDate: Instant,
  outcome: Type.Optional(Type.String()),
  finalAmount: Type.Optional(Type.String()),
  serverTime: Instant,
})

const History = Type.Object({
  bids: Type.Array(
    Type.Object({
      bidder: Type.String(),
      kind: Type.String(),
      amount: Type.String(),
      bidAt: Instant,
    }),
  ),
})

export type ItemView = Static<typeof Item>
export type ItemListView = Static<typeof ItemList>
export type LotView = Static<typeof Lot>
export type HistoryView = Static<typeof History>

export interface ListQuery {
  status: string
  page: number
  limit: number
  sort: 'endDate' | '-endDate'
}

export interface Upstream {
  listItems(query: ListQuery): Promise<ItemListView>
  /** Undefined when there is no such item, lot or history. */
  readItem(id: string): Promise<ItemView | undefined>
  readLot(id: string): Promise<LotView | undefined>
  readHistory(id: string): Promise<HistoryView | undefined>
}

/** The public APIs of the auction and bid services, read without a caller. */
export function createUpstream(auctionUrl: string, bidUrl: string): Upstream {
  return {
    async listItems({ status, page, limit, sort }) {
      const query = `status=${encodeURIComponent(status)}&page=${page}&limit=${limit}&sort=${sort}`
      const list = await read(auctionUrl, `/api/v1/items?${query}`, ItemList)
      if (list === undefined) throw new UpstreamError('the item list is not there')
      return list
    },
    readItem: (id) => read(auctionUrl, `/api/v1/items/${encodeURIComponent(id)}`, Item),
    readLot: (id) => read(bidUrl, `/api/v1/lots/${encodeURIComponent(id)}`, Lot),
    readHistory: (id) => read(bidUrl, `/api/v1/lots/${encodeURIComponent(id)}/bids`, History),
  }
}

async function read<S extends TSchema>(
  baseUrl: string,
  path: string,
  schema: S,
): Promise<Static<S> | undefined> {
  const { status, body } = await get(new URL(path, baseUrl))
  if (status === 404) return undefined
  if (status !== 200) throw new UpstreamError(`${path} answered ${status}`)
  // An unexpected shape must become the page that apologises, not "undefined" on the screen.
  if (!Value.Check(schema, body)) throw new UpstreamError(`${path} answered another shape`)
  return body
}

async function get(url: URL): Promise<{ status: number; body: unknown }> {
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await readBounded(response, BODY_BYTES_MAX)
    return { status: response.status, body: response.ok ? JSON.parse(text) : undefined }
  } catch (error) {
    throw new UpstreamError(`${url.pathname} could not be read`, { cause: error })
  }
}
