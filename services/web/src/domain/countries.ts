/** Codes that name no country of ISO 3166, although there is a name for them. */
const NO_COUNTRIES = new Set('AC CP CQ DG EA EU EZ IC QO SU TA UK UN XA XB ZZ'.split(' '))
const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']

const kept = new Map<string, readonly (readonly [code: string, name: string])[]>()

/** The countries, in the words and the order of a language. */
export function countriesIn(language: string): readonly (readonly [code: string, name: string])[] {
  const known = kept.get(language)
  if (known !== undefined) return known
  const names = new Intl.DisplayNames(language, { type: 'region', fallback: 'none' })
  const made = LETTERS.flatMap((first) => LETTERS.map((second) => first + second))
    .filter((code) => !NO_COUNTRIES.has(code))
    .flatMap((code) => {
      const name = names.of(code)
      return name === undefined ? [] : [[code, name] as const]
    })
    .sort(([, one], [, other]) => one.localeCompare(other, language))
  kept.set(language, made)
  return made
}
