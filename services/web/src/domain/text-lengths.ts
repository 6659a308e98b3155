/**
 * The most that fields take of what people write, by the names that the services give to these texts. Browsers count
 * units of UTF-16 and cut what is pasted without a word, while the services count characters as people do (R-TEXT-3). A
 * text has at least as many bytes as units, so its bound of bytes cuts no text that is right; the services judge the
 * rest.
 */
export const TEXT_LENGTHS_MAX = {
  'address.name': 400,
  'address.line': 600,
  'address.postalCode': 80,
  'address.city': 400,
  'address.region': 400,
  'attribute.choice': 2_000,
  'attribute.label': 2_000,
  'attribute.unit': 500,
  'attribute.value': 2_000,
  'category.description': 8_000,
  'category.name': 1_700,
  'comment.content': 16_000,
  'dispute.message': 8_000,
  'image.alt_text': 2_400,
  'item.description': 40_000,
  'item.name': 6_400,
  'moderation.reason': 8_000,
  'operator.reason': 4_000,
  'profile.city': 3_200,
  'profile.description': 8_000,
  'refund.reason': 4_000,
  'saved_search.name': 3_200,
  'search.text': 1_600,
  /** Of an account or a passkey. */
  name: 1_700,
} as const satisfies Record<string, number>
