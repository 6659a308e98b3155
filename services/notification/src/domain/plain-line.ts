// Controls, ends of lines, halves of characters, and marks that turn the text around them.
const CONTROLS = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

const characters = new Intl.Segmenter('en', { granularity: 'grapheme' })

/**
 * A text that another user wrote, as one line of ours can hold it: it makes no second line or header, and turns
 * nothing beside it. It was checked when it was written; the original platform's texts were not.
 */
export function plainLine(text: string, charactersMax = Number.POSITIVE_INFINITY): string {
  const line = text.replace(CONTROLS, ' ').replace(/\s+/g, ' ').trim()
  const short = shorten(line, charactersMax)
  // Isolated, so that what follows a name in Arabic or Hebrew stays behind it.
  return RIGHT_TO_LEFT.test(short) ? `\u2068${short}\u2069` : short
}

function shorten(line: string, charactersMax: number): string {
  if (line.length <= charactersMax) return line
  const kept = [...characters.segment(line)].map(({ segment }) => segment)
  if (kept.length <= charactersMax) return line
  return `${kept
    .slice(0, charactersMax - 1)
    .join('')
    .trimEnd()}…`
}
