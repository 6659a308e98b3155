import { timeLeftIn } from '#src/client/time-left.ts'
import type { Locale } from './locale.ts'
import { de } from './messages/de.ts'
import { en, type Forms, type Messages } from './messages/en.ts'
import { tr } from './messages/tr.ts'

/** All that depends on the language and the zone of a reader. */
export interface Talk {
  locale: Locale
  /** For `lang` and Intl. */
  language: string
  zone: string
  t: Messages
  /** "1 bid", "12 bids". */
  count(n: number, forms: (text: string) => Forms): string
  /** The digits stay text, because a number would round large amounts. */
  money(amount: string, currencyCode: string): string
  /** With weekday, seconds and the name of the zone. */
  instant(iso: string): string
  day(iso: string): string
  number(n: number): string
  timeLeft(leftMs: number): string
}

const LANGUAGES = {
  en: { language: 'en-GB', messages: en },
  de: { language: 'de', messages: de },
  tr: { language: 'tr', messages: tr },
} as const satisfies Record<Locale, { language: string; messages: Messages }>

export const LOCALE_NAMES: Readonly<Record<Locale, string>> = {
  en: 'English',
  de: 'Deutsch',
  tr: 'Türkçe',
}

// There are some hundred zones; a visitor can name each of them in each language.
const KEPT_MAX = 500
const kept = new Map<string, Talk>()

/** Made once for a language and a zone: formats cost far more to make than to use. */
export function talkOf(locale: Locale, zone: string): Talk {
  const key = `${locale} ${zone}`
  const known = kept.get(key)
  if (known !== undefined) return known
  if (kept.size >= KEPT_MAX) kept.clear()
  const made = makeTalk(locale, zone)
  kept.set(key, made)
  return made
}

function makeTalk(locale: Locale, zone: string): Talk {
  const { language, messages } = LANGUAGES[locale]
  const plural = new Intl.PluralRules(language)
  const integer = new Intl.NumberFormat(language)
  const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: zone })
  const instant = new Intl.DateTimeFormat(language, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZone: zone,
    timeZoneName: 'short',
  })
  const moneys = new Map<string, Intl.NumberFormat>()
  return {
    locale,
    language,
    zone,
    t: messages,
    count(n, forms) {
      const found = forms(integer.format(n))
      return found[plural.select(n)] ?? found.other
    },
    money(amount, currencyCode) {
      if (!/^[A-Z]{3}$/.test(currencyCode)) return `${amount} ${currencyCode}`
      let format = moneys.get(currencyCode)
      if (format === undefined) {
        format = new Intl.NumberFormat(language, { style: 'currency', currency: currencyCode })
        moneys.set(currencyCode, format)
      }
      return /^\d+(\.\d+)?$/.test(amount)
        ? format.format(amount as Intl.StringNumericLiteral)
        : amount
    },
    instant: (iso) => instant.format(new Date(iso)),
    day: (iso) => day.format(new Date(iso)),
    number: (n) => integer.format(n),
    timeLeft: timeLeftIn(language),
  }
}

/** The zone that a browser names, if this machine knows it. */
export function readZone(text: string | undefined): string {
  if (text === undefined || text.length > 60) return 'UTC'
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone
  } catch {
    return 'UTC'
  }
}
