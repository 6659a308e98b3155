const characters = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** The beginning of a text in one line, with a sign where more follows; no character is cut. */
export function excerptOf(text: string, charactersMax: number): string {
  const line = text.trim().replaceAll(/\s+/g, ' ')
  // No character is shorter than one unit, so most texts need not be counted.
  if (line.length <= charactersMax) return line
  let count = 0
  for (const { index } of characters.segment(line)) {
    if (count === charactersMax) return `${line.slice(0, index).trimEnd()}…`
    count += 1
  }
  return line
}
