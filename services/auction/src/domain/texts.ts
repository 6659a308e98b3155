import { readOptionalText, readText, type TextKind } from '@auction/common/text.ts'

/**
 * Every text that people write to this service (R-TEXT-1). A name and its values lie in indexes, which
 * take no more than some 2,700 bytes; the others are bounded by what a page shows well.
 */
export const TEXTS = {
  itemName: { name: 'item.name', charactersMax: 200, bytesMax: 6_400 },
  itemDescription: {
    name: 'item.description',
    charactersMax: 10_000,
    bytesMax: 40_000,
    // As many as a field of an event.
    codePointsMax: 20_000,
    hasLines: true,
    keepsBlanks: true,
  },
  imageAltText: { name: 'image.alt_text', charactersMax: 300, bytesMax: 2_400 },
  comment: { name: 'comment.content', charactersMax: 2_000, bytesMax: 16_000, hasLines: true },
  reportNote: { name: 'report.note', charactersMax: 1_000, bytesMax: 8_000, hasLines: true },
  reason: { name: 'moderation.reason', charactersMax: 1_000, bytesMax: 8_000, hasLines: true },
  attributeValue: { name: 'attribute.value', charactersMax: 500, bytesMax: 2_000 },
  categoryName: { name: 'category.name', charactersMax: 80, bytesMax: 1_700 },
  categoryDescription: {
    name: 'category.description',
    charactersMax: 1_000,
    bytesMax: 8_000,
    hasLines: true,
  },
  attributeLabel: { name: 'attribute.label', charactersMax: 80, bytesMax: 2_000 },
  attributeUnit: { name: 'attribute.unit', charactersMax: 20, bytesMax: 500 },
  attributeChoice: { name: 'attribute.choice', charactersMax: 200, bytesMax: 2_000 },
  savedSearchName: { name: 'saved_search.name', charactersMax: 100, bytesMax: 3_200 },
  searchText: { name: 'search.text', charactersMax: 200, bytesMax: 1_600, hasLines: true },
  attributeFilter: { name: 'search.attribute', charactersMax: 560, bytesMax: 2_100 },
} as const satisfies Record<string, TextKind>

/** The text as it is stored, or undefined when it cannot be. */
export function writtenText(given: string, kind: TextKind): string | undefined {
  const read = readText(given, kind)
  return read.ok ? read.text : undefined
}

/** The same for a text that may be empty. */
export function optionalText(given: string, kind: TextKind): string | undefined {
  const read = readOptionalText(given, kind)
  return read.ok ? read.text : undefined
}
