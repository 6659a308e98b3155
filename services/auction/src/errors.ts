import { defineError, ServiceError } from '@auction/common/http/errors.ts'

const NO_ITEM = 'There is no item with this id.'

/** Every error this service answers with. `details` names the field and a stable reason. */
export const itemErrors = {
  invalidCursor: defineError(
    'item.list.cursor_invalid',
    'The cursor belongs to another list. Begin again without it.',
    400,
  ),
  pageTooDeep: defineError(
    'request.invalid_query',
    'Pages by number end before this one. Continue with nextCursor.',
    400,
  ),
  unauthenticated: defineError('auction.unauthenticated', 'Log in to do this.', 401),
  forbidden: defineError('item.forbidden', 'This item belongs to another user.', 403),

  createKeyInvalid: defineError(
    'request.invalid_headers',
    'Idempotency-Key must be 1 to 100 letters, digits or any of . _ : -',
    400,
  ),
  createKeyReused: defineError(
    'item.create.key_reused',
    'The item that was created under this Idempotency-Key was deleted.',
    409,
  ),
  createInvalid: defineError('item.create.validation_failed', 'The item is not valid.', 400),

  showNotFound: defineError('item.show.not_found', NO_ITEM, 404),

  removed: defineError('item.removed', 'This item was removed by a moderator.', 404),

  updateInvalid: defineError('item.update.validation_failed', 'The change is not valid.', 400),
  updateNotFound: defineError('item.update.not_found', NO_ITEM, 404),
  updateVersionConflict: defineError(
    'item.update.version_conflict',
    'The item was changed meanwhile. Read it again.',
    409,
  ),
  updateInProgress: defineError(
    'item.update.in_progress',
    'Another change of this item is still being applied. Try again shortly.',
    409,
    { retryAfterSeconds: 2 },
  ),
  updateHasBids: defineError(
    'item.update.has_bids',
    'There are bids: only a longer description and a lower reserve are possible now.',
    409,
  ),
  updateNotOpen: defineError('item.update.not_open', 'The auction of this item is over.', 409),
  updateUnavailable: defineError(
    'item.update.unavailable',
    'The change is stored but not confirmed yet. Read the item again shortly.',
    503,
    { retryAfterSeconds: 3 },
  ),

  deleteNotFound: defineError('item.delete.not_found', NO_ITEM, 404),
  deleteNotDraft: defineError('item.delete.not_draft', 'Only drafts can be deleted.', 409),

  publishNotFound: defineError('item.publish.not_found', NO_ITEM, 404),
  publishNotSeller: defineError(
    'item.publish.seller_role_required',
    'Accept the seller terms before you publish.',
    403,
  ),
  publishInvalid: defineError(
    'item.publish.validation_failed',
    'The item cannot be published as it is.',
    400,
  ),
  publishTypeNotSupported: defineError(
    'item.publish.type_not_supported',
    'Auctions of this type cannot be published yet.',
    422,
  ),
  publishNotPossible: defineError(
    'item.publish.not_draft',
    'The item was cancelled or removed.',
    409,
  ),

  termsNotFound: defineError('item.terms.not_found', 'There are no published terms.', 404),
}

/** Errors of withdrawing items. */
export const withdrawErrors = {
  invalid: defineError('item.withdraw.validation_failed', 'Say why, in 1,000 characters.', 400),
  notFound: defineError('item.withdraw.not_found', NO_ITEM, 404),
  notOpen: defineError('item.withdraw.not_open', 'It is not for sale, or its time is over.', 409),
  hasBids: defineError(
    'item.withdraw.has_bids',
    'There are bids, and less than 12 hours are left: it is sold to the highest bidder.',
    409,
  ),
}

/** Errors of watching items. */
export const watchErrors = {
  itemNotFound: defineError('item.watch.item_not_found', NO_ITEM, 404),
  tooMany: defineError('item.watch.too_many', 'You watch as many items as can be watched.', 409),
  invalidCursor: defineError(
    'item.watch.cursor_invalid',
    'The cursor is not of this list. Begin again without it.',
    400,
  ),
}

/** Errors of what is written under items. */
export const commentErrors = {
  invalid: defineError('item.comment.validation_failed', 'The comment is not valid.', 400),
  itemNotFound: defineError('item.comment.item_not_found', NO_ITEM, 404),
  notFound: defineError('item.comment.not_found', 'There is no such comment on this item.', 404),
  parentNotFound: defineError(
    'item.comment.parent_not_found',
    'The comment to reply to is not under this item any more.',
    404,
  ),
  forbidden: defineError('item.comment.forbidden', 'You may not remove this comment.', 403),
  tooMany: (retryAfterSeconds: number) =>
    new ServiceError(
      'item.comment.too_many',
      'That is a lot of comments. Write the next one in some minutes.',
      429,
      undefined,
      retryAfterSeconds,
    ),
}

/** Errors of the attributes of items. */
export const attributeErrors = {
  invalid: defineError('item.attribute.validation_failed', 'An attribute is not valid.', 400),
  notFound: defineError('item.attribute.not_found', 'The item has no such attribute.', 404),
  tooMany: defineError('item.attribute.too_many', 'The item has too many attributes.', 409),
}

/** Errors of the pictures of items. */
export const imageErrors = {
  invalid: defineError('item.image.validation_failed', 'Send one file as `image`.', 400),
  altTextInvalid: defineError(
    'item.image.alt_text_invalid',
    'Say what the picture shows, in 300 characters on one line.',
    400,
  ),
  orderInvalid: defineError('item.image.order_invalid', 'Name each image of the item once.', 400),
  tooLarge: defineError('item.image.too_large', 'An image has 5 MB at most.', 413),
  typeRefused: defineError(
    'item.image.type_not_supported',
    'Pictures are PNG, JPEG or WebP files. Save a HEIC or AVIF picture as JPEG first.',
    415,
  ),
  broken: defineError('item.image.broken', 'The image cannot be read. It may be cut off.', 422),
  tooManyPixels: defineError('item.image.too_many_pixels', 'The image has too many pixels.', 422),
  tooMany: defineError('item.image.too_many', 'The item has as many images as it can.', 409),
  notFound: defineError('item.image.not_found', 'The item has no such image.', 404),
  sourceUnknown: defineError(
    'item.image.source_unknown',
    'You have no such item, so its pictures cannot be copied.',
    422,
  ),
  busy: defineError('item.image.busy', 'Too many images arrive at once. Send it again.', 503, {
    retryAfterSeconds: 2,
  }),
  storageUnavailable: defineError(
    'item.image.storage_unavailable',
    'Images cannot be stored or read at the moment.',
    503,
    { retryAfterSeconds: 5 },
  ),
}

/** Errors of the tree of categories. */
export const categoryErrors = {
  invalid: defineError('category.validation_failed', 'The category is not valid.', 400),
  forbidden: defineError('category.forbidden', 'Only administrators change categories.', 403),
  notFound: defineError('category.not_found', 'There is no category with this id.', 404),
  nameTaken: defineError(
    'category.name_taken',
    'Its parent has a category of this name already.',
    409,
  ),
  notEmpty: defineError('category.not_empty', 'It still contains items or categories.', 409),
}

/** Errors of the search. */
export const searchErrors = {
  invalid: defineError('item.search.validation_failed', 'This cannot be searched for.', 400),
  invalidCursor: defineError(
    'item.search.cursor_invalid',
    'The cursor belongs to another search. Begin again without it.',
    400,
  ),
}

/** Errors of saved searches; their filters answer with those of the search. */
export const savedSearchErrors = {
  invalid: defineError('saved_search.validation_failed', 'This search cannot be saved.', 400),
  notFound: defineError('saved_search.not_found', 'You have no saved search with this id.', 404),
  exists: defineError('saved_search.exists', 'You have saved this search already.', 409),
  tooMany: defineError('saved_search.too_many', 'You have saved as many searches as you can.', 409),
}

/** Errors of new rounds of an item. */
export const relistErrors = {
  notFound: defineError('item.relist.not_found', NO_ITEM, 404),
  notRelistable: defineError(
    'item.not_relistable',
    'This item runs, is sold or has been put up for auction again.',
    409,
  ),
  invalid: defineError('item.relist.validation_failed', 'The new round is not valid.', 422),
  keyInvalid: defineError(
    'request.invalid_headers',
    'Idempotency-Key must be 1 to 128 letters, digits or any of . _ : -',
    400,
  ),
}

/** Errors of reporting to the moderators. */
export const reportErrors = {
  invalid: defineError('item.report.validation_failed', 'The report is not valid.', 400),
  itemNotFound: defineError('item.report.item_not_found', NO_ITEM, 404),
  commentNotFound: defineError(
    'item.report.comment_not_found',
    'There is no such comment on this item.',
    404,
  ),
  own: defineError('item.report.own', 'This is yours: change it or delete it.', 409),
  tooMany: (retryAfterSeconds: number) =>
    new ServiceError(
      'item.report.too_many',
      'That is a lot of reports. Send the next one in some minutes.',
      429,
      undefined,
      retryAfterSeconds,
    ),
}

/** Errors of what moderators do. */
export const moderationErrors = {
  forbidden: defineError('moderation.forbidden', 'Only moderators do this.', 403),
  invalid: defineError(
    'moderation.validation_failed',
    'Say why, in at most 1,000 characters.',
    400,
  ),
  itemNotFound: defineError(
    'moderation.item_not_found',
    'There is no public item with this id.',
    404,
  ),
  commentNotFound: defineError('moderation.comment_not_found', 'There is no such comment.', 404),
  reportNotFound: defineError('moderation.report_not_found', 'There is no such report.', 404),
  reportDecided: defineError('moderation.report_decided', 'This report was decided before.', 409),
  notRemoved: defineError('moderation.not_removed', 'No moderator has removed this.', 409),
  alreadyRemoved: defineError('moderation.taken_away', 'Its author or the seller removed it.', 409),
  inProgress: defineError(
    'moderation.in_progress',
    'The auction of this item is still being ended. Try again shortly.',
    409,
    { retryAfterSeconds: 5 },
  ),
}

/** Errors of items that come as a file. */
export const importErrors = {
  notCsv: defineError('item.import.not_csv', 'Send the file as text/csv.', 415),
  workbook: defineError(
    'item.import.workbook',
    'This is a workbook. Save it as “CSV UTF-8” in the spreadsheet and send that file.',
    415,
  ),
  notUtf8: defineError(
    'item.import.not_utf8',
    'The encoding of the file is not certain. Save it as “CSV UTF-8” and send it again.',
    400,
  ),
  empty: defineError('item.import.empty', 'The file has no rows under its header.', 400),
  keyInvalid: defineError(
    'item.import.key_invalid',
    'Send an Idempotency-Key of 1 to 128 letters, digits, dots, colons, dashes.',
    400,
  ),
  keyReused: defineError(
    'item.import.key_reused',
    'Another file was imported under this Idempotency-Key.',
    409,
  ),
  inProgress: defineError(
    'item.import.in_progress',
    'This file is being imported. Send it again shortly for the answer.',
    409,
    { retryAfterSeconds: 3 },
  ),
  headerInvalid: defineError(
    'item.import.header_invalid',
    'The first row must name the columns, as an export does. Save the file as “CSV UTF-8”, with commas.',
    400,
  ),
  tooManyRows: defineError('item.import.too_many_rows', 'The file has too many rows.', 400),
  invalid: defineError(
    'item.import.validation_failed',
    'Some rows are not valid. Nothing was imported.',
    400,
  ),
}
