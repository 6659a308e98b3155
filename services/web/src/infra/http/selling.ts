import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { type Static, Type } from 'typebox'
import {
  ask,
  LoginNeededError,
  type Refusable,
  type SendOptions,
  type ServiceAnswer,
  UpstreamError,
} from './service-client.ts'
import type { Services } from './services.ts'
import { Image, Instant, ItemFields, ListedItem } from './shapes.ts'

const optional = Type.Optional
const Texts = Type.Array(Type.String())

const OwnImage = Type.Object({ ...Image.properties, id: Type.String() })
const Removal = Type.Object({ reason: Type.String() })

const OwnItem = Type.Object({
  ...ItemFields,
  description: Type.String(),
  type: Type.String(),
  sellerID: Type.String(),
  categories: Texts,
  bidIncrement: optional(Type.String()),
  reservePrice: optional(Type.String()),
  buyoutReservationMinutes: optional(Type.Integer()),
  originalEndDate: Instant,
  hardEndDate: Instant,
  extensionThresholdMinutes: Type.Integer(),
  extensionDurationMinutes: Type.Integer(),
  extensionMode: Type.String(),
  autoRelists: optional(Type.Integer()),
  relistPriceDropPercent: optional(Type.Integer()),
  relistedAs: optional(Type.String()),
  termsVersion: Type.Integer(),
  watchCount: Type.Integer(),
  images: Type.Array(OwnImage),
  withdrawal: optional(Removal),
  removal: optional(Removal),
  serverTime: Instant,
})

const Attributes = Type.Object({
  items: Type.Array(Type.Object({ id: Type.String(), key: Type.String(), value: Type.String() })),
})

const Definition = Type.Object({
  key: Type.String(),
  label: Type.String(),
  kind: Type.String(),
  unit: optional(Type.Union([Type.String(), Type.Null()])),
  choices: optional(Type.Union([Texts, Type.Null()])),
})
const Category = Type.Object({
  id: Type.String(),
  path: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
  attributes: Type.Array(Definition),
})

const OwnItems = Type.Object({
  items: Type.Array(ListedItem),
  counts: Type.Record(Type.String(), Type.Integer()),
  nextCursor: optional(Type.String()),
  serverTime: Instant,
})

const Quote = Type.Object({
  commission: Type.String(),
  tax: Type.String(),
  net: Type.String(),
  basisPoints: Type.Integer(),
  currencyCode: Type.String(),
})

const TermsVersion = Type.Object({ version: Type.String() })

export type OwnItemView = Static<typeof OwnItem>
export type OwnItemsView = Static<typeof OwnItems>
export type OwnAttributesView = Static<typeof Attributes>['items']
export type SellCategoryView = Static<typeof Category>
export type DefinitionView = Static<typeof Definition>
export type QuoteView = Static<typeof Quote>

type Authorization = string | undefined
type Sending = Promise<ServiceAnswer>

/** A file as it arrives from a browser. */
export interface ArrivingFile {
  stream: Readable
  type: string
}

/** What sellers read and do. */
export interface Selling {
  /** Undefined when there is none, or it is hidden from the caller. */
  readItem(id: string, as: Authorization): Promise<OwnItemView | undefined>
  readAttributes(id: string, as: Authorization): Promise<OwnAttributesView>
  readCategory(id: string): Promise<SellCategoryView | undefined>
  readItems(query: URLSearchParams, as: Authorization): Promise<OwnItemsView>
  /** The same by words of the seller, which auction may refuse. */
  findItems(query: URLSearchParams, as: Authorization): Promise<Refusable<OwnItemsView>>
  /** What a sale would cost its seller. */
  readQuote(
    sale: { amount: string; currencyCode: string; categoryIds: readonly string[] },
    as: Authorization,
  ): Promise<QuoteView>
  readTermsVersion(): Promise<string>
  createItem(body: object, key: string, as: Authorization): Sending
  changeItem(id: string, body: object, as: Authorization): Sending
  setCategories(id: string, categories: readonly string[], as: Authorization): Sending
  setAttributes(id: string, attributes: readonly object[], as: Authorization): Sending
  deleteAttribute(id: string, attributeId: string, as: Authorization): Sending
  /** The bytes go through as they arrive; the same picture again adds none. */
  sendPicture(id: string, file: ArrivingFile, as: Authorization): Sending
  /** Those of another item of theirs, once: one that has pictures keeps its own. */
  copyPictures(id: string, fromItemId: string, as: Authorization): Sending
  orderPictures(id: string, ids: readonly string[], as: Authorization): Sending
  describePicture(id: string, imageId: string, altText: string, as: Authorization): Sending
  deletePicture(id: string, imageId: string, as: Authorization): Sending
  /** A POST to an item: "publish", "withdraw", "relist". */
  act(id: string, name: string, options: SendOptions): Sending
  planRelist(id: string, plan: object, as: Authorization): Sending
  deleteItem(id: string, as: Authorization): Sending
  previewImport(bytes: Buffer, as: Authorization): Sending
  importItems(bytes: Buffer, key: string, as: Authorization): Sending
}

/** The phone may be slow (`UPLOAD_TIMEOUT_MS` of common), and then a picture is made into three sizes. */
const UPLOAD_TIMEOUT_MS = 75_000

export function createSelling(
  { auction, identity, payment }: Services,
  auctionUrl: string,
): Selling {
  const item = (id: string) => `/api/v1/items/${encodeURIComponent(id)}`
  const image = (id: string, imageId: string) => `${item(id)}/images/${encodeURIComponent(imageId)}`

  async function sendBytes(
    path: string,
    body: Buffer | Readable,
    authorization: Authorization,
    headers: Record<string, string>,
  ): Sending {
    const answer = await ask(new URL(path, auctionUrl), UPLOAD_TIMEOUT_MS, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
        ...headers,
      },
      body: body as unknown as NonNullable<RequestInit['body']>,
      duplex: 'half',
    } as RequestInit)
    if (answer.status === 401) throw new LoginNeededError(`${path} needs a session`)
    if (answer.status >= 300 && typeof answer.body.code !== 'string') {
      throw new UpstreamError(`${path} answered ${answer.status}`)
    }
    return answer
  }

  return {
    readItem: (id, authorization) => auction.read(item(id), OwnItem, authorization),
    async readAttributes(id, authorization) {
      const read = await auction.read(`${item(id)}/attributes`, Attributes, authorization)
      return read?.items ?? []
    },
    readCategory: (id) => auction.read(`/api/v1/categories/${encodeURIComponent(id)}`, Category),
    readItems: async (query, authorization) =>
      needed(await auction.read(`/api/v1/my/items?${query}`, OwnItems, authorization)),
    findItems: (query, authorization) =>
      auction.find(`/api/v1/my/items?${query}`, OwnItems, authorization),
    async readQuote({ amount, currencyCode, categoryIds }, authorization) {
      const query = new URLSearchParams({
        amount,
        currencyCode,
        ...(categoryIds.length === 0 ? {} : { categoryIds: categoryIds.join(',') }),
      })
      return needed(await payment.read(`/api/v1/billing/commission?${query}`, Quote, authorization))
    },
    readTermsVersion: async () =>
      needed(await identity.read('/identity/seller-terms', TermsVersion)).version,
    createItem: (body, idempotencyKey, authorization) =>
      auction.send('POST', '/api/v1/items', { body, idempotencyKey, authorization }),
    changeItem: (id, body, authorization) => auction.send('PUT', item(id), { body, authorization }),
    setCategories: (id, categories, authorization) =>
      auction.send('PUT', `${item(id)}/categories`, { body: { categories }, authorization }),
    setAttributes: (id, attributes, authorization) =>
      auction.send('POST', `${item(id)}/attributes`, { body: { attributes }, authorization }),
    deleteAttribute: (id, attributeId, authorization) =>
      auction.send('DELETE', `${item(id)}/attributes/${encodeURIComponent(attributeId)}`, {
        authorization,
      }),
    sendPicture(id, { stream, type }, authorization) {
      const boundary = randomUUID()
      return sendBytes(
        `${item(id)}/images?once=true`,
        Readable.from(asForm(stream, type, boundary)),
        authorization,
        { 'content-type': `multipart/form-data; boundary=${boundary}` },
      )
    },
    copyPictures: (id, fromItemId, authorization) =>
      auction.send('POST', `${item(id)}/images/copies`, { body: { fromItemId }, authorization }),
    orderPictures: (id, ids, authorization) =>
      auction.send('PUT', `${item(id)}/images/order`, { body: { ids }, authorization }),
    describePicture: (id, imageId, altText, authorization) =>
      auction.send('PATCH', image(id, imageId), { body: { alt_text: altText }, authorization }),
    deletePicture: (id, imageId, authorization) =>
      auction.send('DELETE', image(id, imageId), { authorization }),
    act: (id, name, options) => auction.send('POST', `${item(id)}/${name}`, options),
    planRelist: (id, body, authorization) =>
      auction.send('PUT', `${item(id)}/auto-relist`, { body, authorization }),
    deleteItem: (id, authorization) => auction.send('DELETE', item(id), { authorization }),
    previewImport: (bytes, authorization) =>
      sendBytes('/api/v1/my/items/import/preview', bytes, authorization, CSV),
    importItems: (bytes, key, authorization) =>
      sendBytes('/api/v1/my/items/import', bytes, authorization, {
        ...CSV,
        'idempotency-key': key,
      }),
  }
}

const CSV = { 'content-type': 'text/csv' }

/** One file as a form of a browser would send it. What the browser calls it does not matter: its bytes decide. */
async function* asForm(stream: Readable, type: string, boundary: string): AsyncGenerator<Buffer> {
  const safeType = /^image\/[a-z0-9.+-]{1,40}$/.test(type) ? type : 'application/octet-stream'
  yield Buffer.from(
    `--${boundary}\r\ncontent-disposition: form-data; name="image"; filename="picture"\r\ncontent-type: ${safeType}\r\n\r\n`,
  )
  // Auction may refuse before all is sent; what is left is then read by the parser of the form.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield chunk as Buffer
  yield Buffer.from(`\r\n--${boundary}--\r\n`)
}

function needed<T>(read: T | undefined): T {
  if (read === undefined) throw new UpstreamError('what a seller has is not there')
  return read
}
