export type Decoded =
  | { readonly ok: true; readonly text: string; readonly encoding: string }
  /** Not valid in the encoding that the file or its sender names, or, without a name, not certain. */
  | { readonly ok: false; readonly encoding: string | undefined }

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
/** A longer line is looked at in pieces. */
const LINE_BYTES_MAX = 64 * 1024

/** Enough words to find the encoding; more of a long file is not read three times. */
const GUESSED_BYTES = 1024 * 1024

/**
 * Reads the text of a file that a spreadsheet saved: UTF-8, UTF-16, or one of the encodings of one byte that Windows
 * uses in western Europe, Turkey and for Cyrillic. A byte order mark decides, then the encoding that the
 * sender names, then the bytes. Only the words show which encoding of one byte it is: it
 * is taken when all words of the file can be words in it and in no other.
 */
export function decodeText(bytes: Uint8Array, named?: string): Decoded {
  const marked = byteOrderMark(bytes)
  if (marked !== undefined) return decodeAs(bytes, marked)
  // Clients name UTF-8 without having looked at the file.
  if (named !== undefined && !/^utf-?8$/i.test(named)) return decodeAs(bytes, named)
  const wide = utf16WithoutMark(bytes)
  if (wide !== undefined) return decodeAs(bytes, wide)
  const utf8 = decodeAs(bytes, 'utf-8')
  if (utf8.ok) return utf8
  const guessed = guessSingleByte(foreignLines(bytes))
  return guessed === undefined ? { ok: false, encoding: undefined } : decodeAs(bytes, guessed)
}

function decodeAs(bytes: Uint8Array, label: string): Decoded {
  try {
    const decoder = new TextDecoder(label, { fatal: true })
    return { ok: true, text: decoder.decode(bytes), encoding: decoder.encoding }
  } catch {
    // An unknown name, or bytes that the encoding does not have.
    return { ok: false, encoding: label.toLowerCase().slice(0, 40) }
  }
}

function byteOrderMark([first, second, third]: Uint8Array): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8'
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : undefined
}

/** A file begins with the ASCII names of columns: in UTF-16 every other byte of them is zero. */
function utf16WithoutMark(bytes: Uint8Array): string | undefined {
  if (bytes.length < 4) return undefined
  const zeros = [...bytes.subarray(0, 4)].map((byte) => byte === 0).join()
  if (zeros === 'false,true,false,true') return 'utf-16le'
  return zeros === 'true,false,true,false' ? 'utf-16be' : undefined
}

// The letters outside ASCII of languages that are written in windows-1252. A word has letters of one language.
const WESTERN = [
  'äöüß', // German
  'àâæçéèêëîïôœùûüÿ', // French
  'áéíóúüñ', // Spanish
  'àçéèíïòóúü', // Catalan
  'áâãàçéêíóôõúü', // Portuguese
  'àèéìíîòóùú', // Italian
  'áéíóúëïöü', // Dutch
  'æøåéèêóòôüäö', // Danish, Norwegian
  'åäöéáàü', // Swedish
  'äöåõüšž', // Finnish, Estonian
  'áéíóúýðþæöø', // Icelandic, Faroese
]
const TURKISH = 'çğıiöşüâîû'
// Other letters that stand for a sign or a number.
const SIGNS = /[ªºµƒˆ]/g
// Signs inside a word, numbers in front of one, and signs on the side of a word where they never stand: letters of
// another encoding. DOS has é where Windows has a low quote, Ö at ™, Ç at €, İ at ˜; Macs have É at ƒ and ß at §.
const SIGN_IN_WORD =
  /\p{L}[¡¢£¤¥¦§¨©«¬¯±²³¸¹»¼½¾¿×÷‚„“”…‰‹›†‡]\p{Ll}|(?<![\p{L}\p{N}])[¹²³¼½¾¸¨¯€]\p{Ll}|\p{L}[‚„ƒˆ§€]|[™˜ˆƒ]\p{L}|Ÿ\p{Ll}|[\u0080-\u009f]/u
const CYRILLIC_VOWEL = /[аеёиоуыэюяіїєўъөү]/i

interface Candidate {
  label: string
  isWord: (word: string) => boolean
}

// In this order where the bytes say the same in each.
const CANDIDATES: readonly Candidate[] = [
  { label: 'windows-1252', isWord: (word) => isLatin(word, WESTERN) },
  { label: 'windows-1254', isWord: (word) => isLatin(word, [TURKISH, ...WESTERN]) },
  { label: 'windows-1251', isWord: isCyrillic },
]

// Encodings that are not read, because too much in them may be another: what may be one of them is refused. All
// words of a file are of one of these languages, or short files of the west would be refused as well.
const CENTRAL = [
  'áéíóöőúüű', // Hungarian
  'áčďéěíňóřšťúůýž', // Czech
  'áäčďéíľňóôšťúýž', // Slovak, without two letters that are rare
  'ąćęłńóśźż', // Polish
  'ăâîşţ', // Romanian
  'čćđšž', // Croatian, Slovene
]
/** Code page 850 from byte 128 on, which "CSV (MS-DOS)" has in western Europe. No decoder of ours knows it. */
const DOS =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0'
// Spanish ñ and Dutch ï, where Polish and Czech have no letter that stands there in windows-1250.
const NOT_CENTRAL = /ń[aeiouyó]|ď[eéin]/i
const NOT_READ: readonly {
  decode: (bytes: Uint8Array) => string | undefined
  isText: (words: readonly string[], text: string) => boolean
}[] = [
  {
    decode: decoderOf('windows-1250'),
    isText: (words) =>
      !words.some((word) => NOT_CENTRAL.test(word)) &&
      CENTRAL.some((alphabet) => words.every((word) => isLatin(word, [alphabet]))),
  },
  {
    decode: decoderOf('windows-1255'),
    // Points stand behind a letter; signs in a word are letters of Cyrillic.
    isText: (words, text) =>
      words.every((word) => /^(?:[\u05d0-\u05f2][\u05b0-\u05c7]*)+$/.test(word)) &&
      !/[\u00a1-\u00bf][\u05d0-\u05f2]|[\u05d0-\u05f2][\u00a1-\u00bf]/.test(text),
  },
  {
    decode: decodeDos,
    // The ß of DOS is the á of Windows. It stands behind a vowel, and neither n nor r follows, as in cuánto and diário.
    isText: (words) =>
      words.some((word) => word.includes('ß')) &&
      words.every((word) => isLatin(word, ['äöüß']) && !/(?<![aeiouäöü])ß|ß[nr]/i.test(word)),
  },
  {
    decode: decoderOf('macintosh'),
    // The only small letters of Macs that are small letters of Windows as well: š, œ and ž. Words as cœur are French.
    isText: (words) =>
      words.some((word) => /[öû]|ú(?!u)/.test(word)) &&
      words.every((word) => isLatin(word, WESTERN)),
  },
]

function decoderOf(label: string): (bytes: Uint8Array) => string | undefined {
  return (bytes) => {
    const decoded = decodeAs(bytes, label)
    return decoded.ok ? decoded.text : undefined
  }
}

function decodeDos(bytes: Uint8Array): string {
  return [...bytes].map((byte) => DOS[byte - 128] ?? String.fromCharCode(byte)).join('')
}

/** The first lines with a byte outside ASCII, wherever they stand: the others say nothing of the encoding. */
function foreignLines(bytes: Uint8Array): Uint8Array {
  const lines: Uint8Array[] = []
  let length = 0
  let start = 0
  let isForeign = false
  for (const [at, byte] of bytes.entries()) {
    isForeign ||= byte > 0x7f
    const isEnd = byte === LINE_FEED || byte === CARRIAGE_RETURN || at - start >= LINE_BYTES_MAX
    if (!isEnd && at < bytes.length - 1) continue
    if (isForeign) {
      lines.push(bytes.subarray(start, at + 1))
      length += at + 1 - start
      if (length >= GUESSED_BYTES) break
    }
    start = at + 1
    isForeign = false
  }
  return Buffer.concat(lines)
}

/** The only encoding in which all words can be words, or undefined. */
function guessSingleByte(bytes: Uint8Array): string | undefined {
  const possible = CANDIDATES.flatMap(({ label, isWord }) => {
    const decoded = decodeAs(bytes, label)
    if (!decoded.ok || SIGN_IN_WORD.test(decoded.text)) return []
    const words = foreignWords(decoded.text)
    return words.every(isWord) ? [{ label, text: decoded.text, words }] : []
  })
  const [first, ...others] = possible
  if (first === undefined || mayBeUnread(bytes, first.words)) return undefined
  const different = others.filter(({ text }) => text !== first.text)
  // A single letter, as in "assiette à soupe", is a word in all of them.
  if (different.every(({ words }) => words.every((word) => word.length < 2))) return first.label
  if (different.some(({ label }) => label === 'windows-1251')) return undefined
  // What is left are the six letters of Turkish that stand where Icelandic has its own. Icelandic
  // is not written without its accents.
  if (first.words.some((word) => /[áíóúæ]/i.test(word))) return undefined
  return 'windows-1254'
}

/** Whether the bytes may be another text, in an encoding that is not read. */
function mayBeUnread(bytes: Uint8Array, guessed: readonly string[]): boolean {
  return NOT_READ.some(({ decode, isText }) => {
    const text = decode(bytes)
    if (text === undefined || SIGN_IN_WORD.test(text)) return false
    const words = foreignWords(text)
    // A single letter, as in "assiette à soupe", is a word in all of them.
    const isOther = words.join() !== guessed.join() && words.some((word) => word.length > 1)
    return isOther && isText(words, text)
  })
}

/** The words with a letter outside ASCII, each once. */
function foreignWords(text: string): string[] {
  const words = new Set<string>()
  for (const [word] of text.replace(SIGNS, ' ').matchAll(/[\p{L}\p{M}]+/gu)) {
    if (/[^a-z]/i.test(word)) words.add(word)
  }
  return [...words]
}

/** Written as words are: small, or with a capital in front, or in capitals. */
function isCased(word: string): boolean {
  return /^(?:\p{Lu}?\p{Ll}*|[\p{Lu}ß]+)$/u.test(word)
}

function isLatin(word: string, alphabets: readonly string[]): boolean {
  if (!isCased(word)) return false
  const letters = [...word].map((letter) => (letter === 'İ' ? 'i' : letter.toLowerCase()))
  const foreign = letters.filter((letter) => !/[a-z]/.test(letter))
  // "öö" and "üç" are words; longer ones have letters of ASCII too.
  const isForeign = foreign.length === letters.length && letters.length > 1
  if (isForeign && new Set(foreign).size > 1 && !foreign.every((one) => TURKISH.includes(one))) {
    return false
  }
  if (isForeign && foreign.length > 3) return false
  return alphabets.some((alphabet) => foreign.every((letter) => alphabet.includes(letter)))
}

function isCyrillic(word: string): boolean {
  if (!/^\p{Script=Cyrillic}+$/u.test(word) || !isCased(word) || /^ь/i.test(word)) return false
  const vowels = [...word].filter((letter) => CYRILLIC_VOWEL.test(letter)).length
  return word.length < 4 || (vowels > 0 && vowels * 5 <= word.length * 4)
}
