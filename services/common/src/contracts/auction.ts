import { Type } from 'typebox'
import { eventsOf, field } from './event.ts'

const defineEvent = eventsOf('auction')

const optional = Type.Optional

// The reserve's amount is never in an event, only that there is one.
const itemFields = {
  id: field.id,
  sellerId: field.id,
  name: field.text,
  description: field.text,
  currencyCode: field.currency,
  startPrice: field.money,
  currentPrice: optional(field.money),
  bidIncrement: optional(field.money),
  buyoutPrice: optional(field.money),
  hasReserve: field.flag,
  buyNowAvailable: field.flag,
  startDate: field.instant,
  endDate: field.instant,
  status: field.text,
  type: field.text,
  quantity: optional(field.integer),
  termsVersion: field.integer,
  extensionThresholdMinutes: field.integer,
  extensionDurationMinutes: field.integer,
  maxExtensionMinutes: field.integer,
  relistOf: optional(field.id),
}

export const itemCreated = defineEvent({
  event: 'item.created',
  version: 'v1',
  payload: Type.Object({ ...itemFields, createdAt: field.instant }),
})

export const itemUpdated = defineEvent({
  event: 'item.updated',
  version: 'v1',
  payload: Type.Object({
    ...itemFields,
    endPrice: optional(field.money),
    updatedAt: field.instant,
    changedFields: Type.Array(field.text),
  }),
})

export const itemDeleted = defineEvent({
  event: 'item.deleted',
  version: 'v1',
  payload: Type.Object({ id: field.id, sellerId: field.id, deletedAt: field.instant }),
})

const schedule = {
  id: field.id,
  sellerId: field.id,
  startDate: field.instant,
  endDate: field.instant,
  termsVersion: field.integer,
}

export const itemPublished = defineEvent({
  event: 'item.published',
  version: 'v1',
  payload: Type.Object(schedule),
})

export const itemStarted = defineEvent({
  event: 'item.started',
  version: 'v1',
  payload: Type.Object(schedule),
})

export const itemExtended = defineEvent({
  event: 'item.extended',
  version: 'v1',
  payload: Type.Object({
    id: field.id,
    endDate: field.instant,
    originalEndDate: field.instant,
    hardEndDate: field.instant,
    /** Missing when the news of a later bid came first, or that of the closing. */
    bidId: optional(field.id),
    /** `outage`: the platform was down before the end. Missing when a bid extended, or when it is not known. */
    reason: optional(field.text),
    /** How often the end has moved so far; a repeated or skipped number is no error. */
    extensionCount: optional(field.integer),
    sequence: field.integer,
  }),
})

/** A buyer has bought it at its buy-now price, and has to pay until then. */
export const itemReserved = defineEvent({
  event: 'item.reserved',
  version: 'v1',
  payload: Type.Object({ id: field.id, sellerId: field.id, reservedUntil: field.instant }),
})

/** It was not paid, and takes bids as before. */
export const itemReleased = defineEvent({
  event: 'item.released',
  version: 'v1',
  payload: Type.Object({ id: field.id, sellerId: field.id, endDate: field.instant }),
})

export const itemEnded = defineEvent({
  event: 'item.ended',
  version: 'v1',
  payload: Type.Object({
    id: field.id,
    outcome: field.text,
    endDate: field.instant,
    endReason: optional(field.text),
    bidCount: field.integer,
    reserveMet: field.flag,
  }),
})

export const itemSold = defineEvent({
  event: 'item.sold',
  version: 'v1',
  payload: Type.Object({
    id: field.id,
    sellerId: field.id,
    buyerId: field.id,
    endPrice: field.money,
    currencyCode: field.currency,
    endReason: optional(field.text),
  }),
})

const ending = { id: field.id, sellerId: field.id, reason: field.text }

export const itemExpired = defineEvent({
  event: 'item.expired',
  version: 'v1',
  payload: Type.Object(ending),
})

/** The order of its buyer ended unpaid, so it is not sold; it may be again. */
export const itemUnsold = defineEvent({
  event: 'item.unsold',
  version: 'v1',
  payload: Type.Object(ending),
})

/** An item that was not sold went into a new round, as an item of its own. */
export const itemRelisted = defineEvent({
  event: 'item.relisted',
  version: 'v1',
  payload: Type.Object({
    id: field.id,
    sellerId: field.id,
    newItemId: field.id,
    round: field.integer,
    /** As its seller chose before; else its seller did it. */
    isAutomatic: field.flag,
    /** Of the new round. */
    endDate: field.instant,
  }),
})

/** The same, for some of those who watch the item: 500 at most in each event. */
export const itemWatchedRelisted = defineEvent({
  event: 'item.watched.relisted',
  version: 'v1',
  payload: Type.Object({
    id: field.id,
    newItemId: field.id,
    userIds: Type.Array(field.id),
    endDate: field.instant,
  }),
})

export const itemCancelled = defineEvent({
  event: 'item.cancelled',
  version: 'v1',
  payload: Type.Object(ending),
})

/** A moderator hid it; bid has its own way to learn of it, and this may come later. */
export const itemRemoved = defineEvent({
  event: 'item.removed',
  version: 'v1',
  payload: Type.Object(ending),
})

/** A moderator shows it again; its lot stays closed. */
export const itemRestored = defineEvent({
  event: 'item.restored',
  version: 'v1',
  payload: Type.Object(ending),
})

/** A new item matches a saved search; published once for each search and item. */
export const itemSearchMatched = defineEvent({
  event: 'item.search_matched',
  version: 'v1',
  payload: Type.Object({
    savedSearchId: field.id,
    userId: field.id,
    searchName: field.text,
    itemId: field.id,
    itemName: field.text,
    sellerId: field.id,
    currencyCode: field.currency,
    currentPrice: field.money,
    startDate: field.instant,
    endDate: field.instant,
  }),
})

export const itemCommentCreated = defineEvent({
  event: 'item.comment.created',
  version: 'v1',
  payload: Type.Object({
    id: field.id,
    itemId: field.id,
    authorId: field.id,
    content: field.text,
    kind: field.text,
    parentId: optional(field.id),
    parentAuthorId: optional(field.id),
    sellerId: field.id,
    createdAt: field.instant,
  }),
})

export const itemCommentDeleted = defineEvent({
  event: 'item.comment.deleted',
  version: 'v1',
  payload: Type.Object({
    id: field.id,
    itemId: field.id,
    authorId: field.id,
    reason: field.text,
    deletedAt: field.instant,
  }),
})

const attribute = { id: field.id, itemId: field.id, key: field.text, value: field.text }

export const itemAttributeCreated = defineEvent({
  event: 'item.attribute.created',
  version: 'v1',
  payload: Type.Object({ ...attribute, createdAt: field.instant }),
})

export const itemAttributeDeleted = defineEvent({
  event: 'item.attribute.deleted',
  version: 'v1',
  payload: Type.Object({ ...attribute, deletedAt: field.instant }),
})

const image = { id: field.id, itemId: field.id, imageUrl: field.text }

export const itemImageUploaded = defineEvent({
  event: 'item.image.uploaded',
  version: 'v1',
  payload: Type.Object({ ...image, createdAt: field.instant }),
})

export const itemImageDeleted = defineEvent({
  event: 'item.image.deleted',
  version: 'v1',
  payload: Type.Object({ ...image, deletedAt: field.instant }),
})
