import { type Static, Type } from 'typebox'
import { type Refusable, UpstreamError } from './service-client.ts'
import type { Services } from './services.ts'
import { Instant, ListedItem } from './shapes.ts'

const optional = Type.Optional
const Counts = Type.Record(Type.String(), Type.Integer())

const ItemList = Type.Object({
  items: Type.Array(ListedItem),
  page: Type.Integer(),
  totalItems: Type.Integer(),
  // An auction of the version before counts all.
  isTotalExact: optional(Type.Boolean()),
  totalPages: Type.Integer(),
  serverTime: Instant,
})

const SearchResult = Type.Object({
  items: Type.Array(ListedItem),
  nextCursor: optional(Type.String()),
  spelling: Type.String(),
  facets: optional(
    Type.Object({
      total: Type.Integer(),
      isTotalExact: Type.Boolean(),
      status: Counts,
      buyNow: Type.Integer(),
      categories: Counts,
    }),
  ),
  serverTime: Instant,
})

const CategoryFields = {
  id: Type.String(),
  parent_id: Type.Union([Type.String(), Type.Null()]),
  name: Type.String(),
  description: Type.String(),
  item_count: Type.Integer(),
}
const Categories = Type.Object({ items: Type.Array(Type.Object(CategoryFields)) })
const Category = Type.Object({
  ...CategoryFields,
  path: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
})

const OwnBids = Type.Object({
  bids: Type.Array(
    Type.Object({
      itemId: Type.String(),
      status: Type.String(),
      currencyCode: Type.String(),
      currentPrice: Type.String(),
      myMaxAmount: Type.String(),
      endDate: Instant,
      finalAmount: optional(Type.String()),
      bidId: Type.String(),
    }),
  ),
  counts: Type.Object({
    leading: Type.Integer(),
    outbid: Type.Integer(),
    won: Type.Integer(),
    lost: Type.Integer(),
  }),
  isCountExact: optional(Type.Boolean()),
  nextBefore: optional(Type.String()),
})

const Watchlist = Type.Object({ items: Type.Array(Type.Object({ item: ListedItem })) })
const Named = Type.Object({ name: Type.String() })

export type ItemListView = Static<typeof ItemList>
export type SearchResultView = Static<typeof SearchResult>
export type CategoryView = Static<typeof Categories>['items'][number]
export type CategoryDetailView = Static<typeof Category>
export type OwnBidsView = Static<typeof OwnBids>

export interface ListQuery {
  status: string
  page: number
  limit: number
  sort: 'endDate' | '-endDate'
}

/** What lots there are, read without a caller, and what a user has to do with them. */
export interface Catalogue {
  listItems(query: ListQuery): Promise<ItemListView>
  /** A refusal names the filter that is wrong. */
  search(query: URLSearchParams): Promise<Refusable<SearchResultView>>
  readCategories(): Promise<CategoryView[]>
  readCategory(id: string): Promise<CategoryDetailView | undefined>
  readOwnBids(query: string, authorization: string | undefined): Promise<OwnBidsView>
  readWatchlist(authorization: string | undefined): Promise<Static<typeof ListedItem>[]>
  /** Undefined when it is hidden meanwhile. */
  readName(itemId: string, authorization: string | undefined): Promise<string | undefined>
  saveSearch(body: object, authorization: string | undefined): Promise<Refusable<unknown>>
}

const WATCHED_SHOWN = 4

export function createCatalogue({ auction, bid }: Services): Catalogue {
  const needed = async <T>(reading: Promise<T | undefined>): Promise<T> => {
    const read = await reading
    if (read === undefined) throw new UpstreamError('a list is not there')
    return read
  }
  return {
    listItems({ status, page, limit, sort }) {
      const query = `status=${encodeURIComponent(status)}&page=${page}&limit=${limit}&sort=${sort}`
      return needed(auction.read(`/api/v1/items?${query}`, ItemList))
    },
    search: (query) => auction.find(`/api/v1/items/search?${query}`, SearchResult),
    readCategories: async () =>
      (await needed(auction.read('/api/v1/categories', Categories))).items,
    readCategory: (id) => auction.read(`/api/v1/categories/${encodeURIComponent(id)}`, Category),
    readOwnBids: (query, authorization) =>
      needed(bid.read(`/api/v1/bids?${query}`, OwnBids, authorization)),
    async readWatchlist(authorization) {
      const path = `/api/v1/watchlist?limit=${WATCHED_SHOWN}`
      return (await needed(auction.read(path, Watchlist, authorization))).items.map(
        ({ item }) => item,
      )
    },
    readName: async (itemId, authorization) =>
      (await auction.read(`/api/v1/items/${encodeURIComponent(itemId)}`, Named, authorization))
        ?.name,
    async saveSearch(body, authorization) {
      const answer = await auction.send('POST', '/api/v1/saved-searches', { body, authorization })
      return answer.status === 201
        ? { ok: true, body: answer.body }
        : { ok: false, status: answer.status, refusal: answer.body }
    },
  }
}
