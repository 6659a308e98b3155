import { LOCALES, type Locale } from '@auction/common/contracts/identity.ts'

const RANGES_MAX = 20

/**
 * The language to address someone in: the one that was asked for, else the one that the browser prefers most
 * (RFC 9110). Undefined: none of ours.
 */
export function chooseLocale(
  asked: string | undefined,
  acceptLanguage: string | undefined,
): Locale | undefined {
  const ranges = (acceptLanguage ?? '').split(',', RANGES_MAX).flatMap((text) => {
    const [range = '', ...parameters] = text.split(';').map((part) => part.trim())
    const given = parameters.find((one) => /^q=/i.test(one))?.slice(2)
    const quality = given === undefined ? 1 : Number(given)
    return quality > 0 ? [{ range, quality }] : []
  })
  // Equal ones stay in their order.
  const preferred = ranges.toSorted((left, right) => right.quality - left.quality)
  for (const tag of [asked ?? '', ...preferred.map(({ range }) => range)]) {
    const language = tag.split('-', 1)[0]?.toLowerCase()
    const locale = LOCALES.find((one) => one === language)
    if (locale !== undefined) return locale
  }
  return undefined
}
