import type { Language } from './notice-text.ts'

/** How amounts and days are written. British English: the day comes first, and $ is never alone. */
const LOCALES: Readonly<Record<Language, string>> = { en: 'en-GB', de: 'de-DE', tr: 'tr-TR' }

/** A decimal string of the platform, exactly, with as many decimals as it has. */
export function displayMoney(language: Language, amount: string, currencyCode: string): string {
  const decimals = amount.split('.')[1]?.length ?? 0
  const format = new Intl.NumberFormat(LOCALES[language], {
    style: 'currency',
    currency: currencyCode,
    // Intl has digits of its own for some currencies, and they are not those of our amounts.
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  })
  return format.format(amount as Intl.StringNumericLiteral)
}

/** A day and a time in the reader's zone, with the name of the zone. */
export function displayInstant(language: Language, instant: string, timeZone: string): string {
  const format = instantFormat(LOCALES[language], timeZone) ?? instantFormat('en-GB', 'UTC')
  return format?.format(new Date(instant)) ?? instant
}

/** Undefined when this process does not know the zone: what knows zones differs between machines. */
function instantFormat(locale: string, timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat(locale, {
      timeZone,
      weekday: 'short',
      day: 'numeric',
      month: 'long',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      timeZoneName: 'short',
    })
  } catch {
    return undefined
  }
}
