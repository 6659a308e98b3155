const NAME_LENGTH_MAX = 80

// Control, unassigned and invisible formatting characters (bidirectional overrides among them) can
// make one name look like another. The two joiners are ordinary spelling in Persian and Hindi.
const FORBIDDEN = /(?!\u200c|\u200d)[\p{C}\p{Zl}\p{Zp}]/u
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u

/** A display name in composed form without outer blanks, or undefined when it may not be shown. */
export function normaliseName(text: string): string | undefined {
  const name = text.normalize('NFC').trim()
  if (FORBIDDEN.test(name) || !VISIBLE.test(name)) return undefined
  return [...name].length <= NAME_LENGTH_MAX ? name : undefined
}
