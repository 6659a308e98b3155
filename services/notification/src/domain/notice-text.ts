import { CATALOGUES, format, formatSentences, type Values } from './catalogue.ts'
import { kindOf, type NoticeData, type Template } from './notices.ts'
import { plainLine } from './plain-line.ts'
import { displayInstant, displayMoney } from './reader-format.ts'

/** The languages that there are words of; each has a file in messages/. */
export const LANGUAGES = ['en', 'de', 'tr'] as const
export type Language = (typeof LANGUAGES)[number]

/** For whom a text is made. */
export interface Reader {
  readonly language: Language
  /** An IANA name, such as Europe/Berlin. */
  readonly timeZone: string
}

export interface NoticeText {
  /** One line that names the item; the subject of a mail. */
  readonly title: string
  readonly body: string
  /** Where on the platform it leads. */
  readonly path: string
}

// A subject of more is cut by the programs that show it.
const TITLE_NAME_MAX = 80
const EXCERPT_MAX = 300

/** A notice in the language and zone of its reader. */
export function noticeText(template: Template, data: NoticeData, reader: Reader): NoticeText {
  const { language } = reader
  const words = CATALOGUES[language].notices[template]
  const values = valuesOf(data, reader)
  return {
    title: format(language, words.title, values),
    body: formatSentences(language, words.body, values).join(' '),
    path: pathOf(template, data),
  }
}

/** What the messages of notices may name. */
export function valuesOf(data: NoticeData, { language, timeZone }: Reader): Values {
  const { frame } = CATALOGUES[language]
  const { searchName, currencyCode, amount, minNextBid, endDate } = data
  const subject = data.itemName ?? data.endpointHost
  const name = subject === undefined ? '' : plainLine(subject)
  const search = searchName === undefined ? '' : plainLine(searchName, TITLE_NAME_MAX)
  const money = (text: string | undefined) =>
    text === undefined || currencyCode === undefined
      ? undefined
      : displayMoney(language, text, currencyCode)
  return {
    title: name === '' ? frame.unnamedItem : plainLine(subject ?? '', TITLE_NAME_MAX),
    item: name === '' ? frame.unnamedItem : name,
    search: search === '' ? frame.unnamedSearch : search,
    amount: money(amount),
    minNextBid: money(minNextBid),
    end: endDate === undefined ? undefined : displayInstant(language, endDate, timeZone),
    excerpt: data.excerpt === undefined ? undefined : plainLine(data.excerpt, EXCERPT_MAX),
    // The same text: a word that the messages choose by, or a sentence that a moderator wrote.
    outcome: data.reason ?? '',
    reason: data.reason === undefined ? undefined : plainLine(data.reason),
  }
}

/** Purchases, sales, payouts and offers have a page for those they are of; all else is on the page of the lot. */
function pathOf(template: Template, { itemId, orderId, offerId }: NoticeData): string {
  const { category } = kindOf(template)
  if (category === 'purchases' && orderId !== undefined) return `/my/orders/${orderId}`
  if (category === 'sales' && orderId !== undefined) return `/my/sales/${orderId}`
  if (template.startsWith('payout_')) return '/my/payouts'
  if (category === 'bidding' && offerId !== undefined) return `/my/offers/${offerId}`
  return itemId === undefined ? '/account' : `/lots/${itemId}`
}
