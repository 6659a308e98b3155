import { type Static, Type } from 'typebox'

export const Instant = Type.String({ format: 'date-time' })

export const Image = Type.Object({
  alt_text: Type.String(),
  width: Type.Integer(),
  height: Type.Integer(),
  urls: Type.Object({ small: Type.String(), medium: Type.String(), large: Type.String() }),
})
export type ImageView = Static<typeof Image>

/** Of an item, wherever it is: the fields that pages use. */
export const ItemFields = {
  id: Type.String(),
  name: Type.String(),
  currencyCode: Type.String(),
  startPrice: Type.String(),
  currentPrice: Type.Optional(Type.String()),
  bidCount: Type.Integer(),
  hasReserve: Type.Boolean(),
  reserveMet: Type.Boolean(),
  buyoutPrice: Type.Optional(Type.String()),
  buyNowAvailable: Type.Optional(Type.Boolean()),
  startDate: Instant,
  endDate: Instant,
  status: Type.String(),
}
export const ListedItem = Type.Object({ ...ItemFields, image: Type.Optional(Image) })
export type ListedItemView = Static<typeof ListedItem>
