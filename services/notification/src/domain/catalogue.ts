import { IntlMessageFormat } from 'intl-messageformat'
import de from './messages/de.json' with { type: 'json' }
import en from './messages/en.json' with { type: 'json' }
import tr from './messages/tr.json' with { type: 'json' }
import type { Language } from './notice-text.ts'
import type { Category, Template } from './notices.ts'
import type { SecurityTemplate } from './security-mails.ts'

/** Words about one kind of notice. A sentence of `body` whose values are not known is left out. */
export interface NoticeWords {
  readonly title: string
  readonly body: readonly string[]
  /** On the button that leads to the page. */
  readonly action: string
  /** A line above several of them in one mail. */
  readonly summary: string
}

/** Words of one mail about the security of an account. */
export interface SecurityWords {
  readonly subject: string
  readonly body: readonly string[]
  readonly action?: string
  /** Below the button. */
  readonly after: readonly string[]
}

/** All words of one language, as ICU messages. A test compares the keys and values of all languages. */
export interface Catalogue {
  readonly notices: Readonly<Record<Template, NoticeWords>>
  readonly mails: Readonly<Record<SecurityTemplate, SecurityWords>>
  readonly frame: typeof en.frame
  readonly categories: Readonly<Record<Category, string>>
  readonly unsubscribe: typeof en.unsubscribe
}

export const CATALOGUES: Readonly<Record<Language, Catalogue>> = { en, de, tr }

export type Values = Readonly<Record<string, string | number | undefined>>

interface Message {
  readonly format: IntlMessageFormat
  /** The values without which it says nothing. */
  readonly needs: readonly string[]
}

/** Values of `select` need not be known: its branch `other` is for that. */
const ARGUMENT = /\{(\w+)(?:\}|, plural,)/g

const messages = new Map<string, Message>()

function messageOf(language: Language, text: string): Message {
  const key = `${language}\0${text}`
  const known = messages.get(key)
  if (known !== undefined) return known
  // Without tags, so that < is a character like any other.
  const format = new IntlMessageFormat(text, language, undefined, { ignoreTag: true })
  const needs = [...text.matchAll(ARGUMENT)].map(([, name = '']) => name)
  const message = { format, needs }
  messages.set(key, message)
  return message
}

/** One message with its values; undefined when one of them is not known. */
export function formatKnown(language: Language, text: string, values: Values): string | undefined {
  const { format, needs } = messageOf(language, text)
  if (needs.some((name) => values[name] === undefined || values[name] === '')) return undefined
  return String(format.format({ outcome: '', ...values }))
}

/** One message with its values, which are all known. */
export function format(language: Language, text: string, values: Values = {}): string {
  const formatted = formatKnown(language, text, values)
  if (formatted === undefined) throw new Error(`a value is missing in "${text}"`)
  return formatted
}

/** Those of several sentences whose values are known. */
export function formatSentences(
  language: Language,
  sentences: readonly string[],
  values: Values,
): string[] {
  return sentences
    .map((sentence) => formatKnown(language, sentence, values))
    .filter((sentence) => sentence !== undefined)
}
