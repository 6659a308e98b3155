/** How one kind of text that people write is read; see R-TEXT-1 to R-TEXT-4. */
export interface TextKind {
  /** What it is, as `item.name`. API documents show it as `x-text`. */
  readonly name: string
  /** The most characters, as people count them: a letter with its accents is one, and so is an emoji. */
  readonly charactersMax: number
  /** The most bytes in UTF-8: one character may be of any length. */
  readonly bytesMax: number
  /** The most code points, for what is carried by a format that counts these. */
  readonly codePointsMax?: number
  /** It may have several lines, and tabs unless it is plain. */
  readonly hasLines?: boolean
  /** It stands for a person or an action of one: no invisible formatting but joiners inside of words. */
  readonly isPlain?: boolean
  /** Outer blanks are part of it, since people indent. */
  readonly keepsBlanks?: boolean
}

export type TextProblem = 'empty' | 'too_long' | 'forbidden_characters'

export type ReadText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: TextProblem }

// Control characters, halves of characters, ends of lines, and overrides, which show letters in another
// order than they have. Noncharacters are no text in any program.
const FORBIDDEN_IN_LINE = /[\p{Cc}\p{Cs}\u2028\u2029\u202d\u202e]|\p{Noncharacter_Code_Point}/u
const FORBIDDEN_IN_LINES = /(?![\t\n\r])[\p{Cc}\p{Cs}\u202d\u202e]|\p{Noncharacter_Code_Point}/u
// The two joiners are ordinary spelling in Persian and Hindi.
const FORBIDDEN_IN_PLAIN_LINE = /(?![\u200c\u200d])[\p{C}\p{Zl}\p{Zp}]/u
const FORBIDDEN_IN_PLAIN_LINES = /(?![\n\u200c\u200d])[\p{C}\p{Zl}\p{Zp}]/u

// No script stacks so many marks on a letter; to put thousands in order takes seconds.
const STACKED = /\p{M}{65}/u

// Fillers and blanks that Unicode counts among letters and symbols are not to be seen either: those of
// Hangul, Braille, music and hieroglyphs, and the place of a lost picture.
const VISIBLE =
  /[[\p{L}\p{N}\p{P}\p{S}]--[\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{1d159}\u{13441}\u{13442}]]/v
const BLANK = /[\s\u0085\u00ad\u115f\u1160\u180e\u200b\u2060\u2800\u3164\uffa0]/

const characters = new Intl.Segmenter('en', { granularity: 'grapheme' })

/**
 * Reads a text that a person wrote: composed (NFC), without outer blanks, with balanced directions. A text
 * that was read is the same when it is read again.
 * Refuses one without anything to see, with characters that control the text around it, or too long.
 */
export function readText(given: string, kind: TextKind): ReadText {
  // A text in UTF-8 has at least as many bytes; what is far too long is not even looked at.
  if (given.length > 2 * kind.bytesMax) return refused('too_long')
  // What is removed here may stand between a letter and its accent, or a blank and the end: it goes first, or a
  // text that is read again would be another one. Forms end the lines of plain texts as they like.
  const balanced = kind.isPlain === true ? readLines(given, kind) : balanceDirections(given)
  if (STACKED.test(balanced)) return refused('too_long')
  const composed = balanced.normalize('NFC')
  const text = kind.keepsBlanks === true ? composed : trimText(composed)
  if (forbiddenIn(kind).test(text)) return refused('forbidden_characters')
  if (!isVisible(text)) return refused('empty')
  if (Buffer.byteLength(text) > kind.bytesMax) return refused('too_long')
  if ([...text].length > (kind.codePointsMax ?? kind.bytesMax)) return refused('too_long')
  return hasMoreThan(text, kind.charactersMax) ? refused('too_long') : { ok: true, text }
}

/** The same for a text that may be left out: one without anything to see is the empty text. */
export function readOptionalText(given: string, kind: TextKind): ReadText {
  const read = readText(given, kind)
  return !read.ok && read.reason === 'empty' ? { ok: true, text: '' } : read
}

/** Whether there is anything to see in a text; accents without a letter are nothing. */
export function isVisible(text: string): boolean {
  return VISIBLE.test(text)
}

/** A text without the blanks around it, those included that have no width. */
export function trimText(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && BLANK.test(text.charAt(start))) start += 1
  while (end > start && BLANK.test(text.charAt(end - 1))) end -= 1
  return text.slice(start, end)
}

/** A code or number without what people type or paste between its parts: blanks, dashes and marks that are not seen. */
export function withoutGaps(text: string): string {
  return text.replace(/[\s\p{Pd}\p{Cf}\u2212]/gu, '')
}

/** A text whose lines end with line feeds; forms, Windows and old Macs end them otherwise. */
export function withLineFeeds(text: string): string {
  return text.replace(/\r\n?/g, '\n')
}

const readLines = (text: string, { hasLines }: TextKind): string =>
  hasLines === true ? withLineFeeds(text) : text

function forbiddenIn({ isPlain, hasLines }: TextKind): RegExp {
  if (isPlain === true) return hasLines ? FORBIDDEN_IN_PLAIN_LINES : FORBIDDEN_IN_PLAIN_LINE
  return hasLines ? FORBIDDEN_IN_LINES : FORBIDDEN_IN_LINE
}

const DIRECTION = /[\u202a-\u202c\u2066-\u2069]/
const LINE_END = /(\r\n|[\n\r\u2028\u2029])/
const POP = '\u2069'

/**
 * Isolates are closed in the line in which they begin, so that a text turns nothing beside it. A pop of
 * nothing and the older embeddings are removed.
 */
function balanceDirections(text: string): string {
  if (!DIRECTION.test(text)) return text
  return text.split(LINE_END).map(balanceLine).join('')
}

function balanceLine(line: string): string {
  let open = 0
  let balanced = ''
  for (const character of line) {
    if (/[\u202a-\u202c]/.test(character)) continue
    if (/[\u2066-\u2068]/.test(character)) open += 1
    else if (character === POP && open === 0) continue
    else if (character === POP) open -= 1
    balanced += character
  }
  return balanced + POP.repeat(open)
}

function hasMoreThan(text: string, max: number): boolean {
  // No character is shorter than one unit, so most texts need not be counted.
  if (text.length <= max) return false
  let count = 0
  for (const _ of characters.segment(text)) {
    count += 1
    if (count > max) return true
  }
  return false
}

const refused = (reason: TextProblem): ReadText => ({ ok: false, reason })
