/** Used unless BANNED_WORDS names others. Small on purpose: each is a question to a moderator. */
export const BUNDLED_WORDS: readonly string[] = [
  'counterfeit',
  'replica',
  'knockoff',
  'fake id',
  'stolen',
  'ivory',
  'rhino horn',
  'cocaine',
  'heroin',
  'explosives',
]

export interface WordList {
  /** The words of the list that a text has, as the list spells them. */
  find(text: string): string[]
}

const WORDS_MAX = 500

/** A list of words and phrases; case and accents do not matter, and only whole words count. */
export function createWordList(words: readonly string[]): WordList {
  const wanted = words
    .map((word) => ({ word: word.trim(), plain: plainText(word) }))
    .filter(({ plain }) => plain !== '  ')
    .slice(0, WORDS_MAX)
  return {
    find(text) {
      const plain = plainText(text)
      return wanted.filter((entry) => plain.includes(entry.plain)).map(({ word }) => word)
    },
  }
}

/** Reads a setting; an empty one is the bundled list, `-` is no list at all. */
export function readWordList(setting: string): WordList {
  if (setting.trim() === '') return createWordList(BUNDLED_WORDS)
  return createWordList(setting.trim() === '-' ? [] : setting.split(','))
}

const UNSEEN = /[\p{M}\p{Default_Ignorable_Code_Point}]/gu

/**
 * Words in small letters with one blank around each, so that a search finds whole ones only. What is not
 * to be seen hides no word.
 */
function plainText(text: string): string {
  const letters = text.normalize('NFKD').replaceAll(UNSEEN, '').toLowerCase()
  return ` ${letters.replaceAll(/[^\p{L}\p{N}]+/gu, ' ').trim()} `
}
