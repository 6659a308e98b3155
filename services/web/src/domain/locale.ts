/** The languages of the pages; English is the one that the others are translated from. */
export const LOCALES = ['en', 'de', 'tr'] as const
export type Locale = (typeof LOCALES)[number]

const PREFIX = /^\/(en|de|tr)(?=$|[/?#])/

export const isLocale = (text: string): text is Locale =>
  (LOCALES as readonly string[]).includes(text)

/** "/de/lots/1" is the path "/lots/1" in German; a path without a prefix leaves the choice open. */
export function splitLocale(path: string): { locale: Locale | undefined; rest: string } {
  const [prefix = '', name = ''] = PREFIX.exec(path) ?? []
  if (!isLocale(name)) return { locale: undefined, rest: path }
  const rest = path.slice(prefix.length)
  return { locale: name, rest: rest.startsWith('/') ? rest : `/${rest}` }
}

/** The first of our languages in the order that a browser asks for (Accept-Language). */
export function preferredLocale(acceptLanguage = ''): Locale {
  const wanted = acceptLanguage
    .slice(0, 200)
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.trim().toLowerCase().split(';')
      const quality = parameters.map((each) => /^\s*q=([\d.]+)$/.exec(each)?.[1]).find(Boolean)
      return { name: tag.split('-')[0] ?? '', quality: Number(quality ?? 1) }
    })
    .filter(({ quality }) => quality > 0)
    .sort((one, other) => other.quality - one.quality)
  return wanted.map(({ name }) => name).find(isLocale) ?? 'en'
}
