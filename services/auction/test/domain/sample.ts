import type { Item, ItemContent } from '#src/domain/item.ts'
import { type ListingInput, listingLimits, readListing } from '#src/domain/listing.ts'

/** Noon of a day that no test depends on. */
export const NOON = new Date('2027-03-01T12:00:00.000Z')
export const LIMITS = listingLimits(1_800, true)

export const minutesAfter = (start: Date, minutes: number) =>
  new Date(start.getTime() + minutes * 60_000)

/** A listing that is right in every field: 100.00 USD, from now for three days. */
export function listing(changes: Partial<ListingInput> = {}): ListingInput {
  return {
    name: 'Silver spoon',
    description: 'Sterling, 1901.',
    currencyCode: 'USD',
    startPrice: '100.00',
    startDate: NOON.toISOString(),
    endDate: minutesAfter(NOON, 3 * 24 * 60).toISOString(),
    ...changes,
  }
}

export function content(changes: Partial<ListingInput> = {}): ItemContent {
  const read = readListing(listing(changes))
  if (!read.ok) throw new Error(`${read.field} ${read.reason}`)
  return read.content
}

/** An active item without bids. */
export function item(changes: Partial<Item> = {}, fields: Partial<ListingInput> = {}): Item {
  const terms = content(fields)
  return {
    ...terms,
    id: '01900000-0000-7000-8000-000000000001',
    sellerId: '01900000-0000-7000-8000-0000000000aa',
    status: 'active',
    round: 1,
    termsVersion: 1,
    termsAppliedVersion: 1,
    version: 2,
    createdAt: NOON,
    updatedAt: NOON,
    currentEndDate: terms.endDate,
    currentPrice: terms.startPrice,
    bidCount: 0,
    reserveMet: terms.reservePrice === null,
    buyNowAvailable: terms.buyoutPrice !== null,
    outcome: null,
    endReason: null,
    buyerId: null,
    endPrice: null,
    categoryIds: [],
    relistOf: null,
    relistedAs: null,
    autoRelists: 0,
    relistPriceDropPercent: 0,
    ...changes,
  }
}
