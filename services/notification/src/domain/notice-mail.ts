import { CATALOGUES, format, formatSentences } from './catalogue.ts'
import type { MailContent, MailLink, MailSection } from './mail-content.ts'
import { ENTRIES_MAX } from './mail-folding.ts'
import { noticeText, type Reader, valuesOf } from './notice-text.ts'
import { type Category, kindOf, type NoticeData, TEMPLATES, type Template } from './notices.ts'
import { greetingFor } from './security-mail-text.ts'
import { listOf } from './unsubscribe-page.ts'

export interface MailedNotice {
  readonly template: Template
  readonly data: NoticeData
}

export interface NoticeMailOptions {
  /** What its reader is called. */
  readonly name: string
  readonly reader: Reader
  readonly publicUrl: string
  /** The page that ends mails of a category. */
  readonly unsubscribeUrl: (category: Category) => string
}

/** Where users choose how they are notified. */
const SETTINGS_PATH = '/account'

/** One notice, or several of one reader, as a mail. */
export function noticeMail(
  notices: readonly MailedNotice[],
  options: NoticeMailOptions,
): MailContent {
  const [only, ...others] = notices
  if (only === undefined) throw new Error('a mail of no notices')
  return others.length === 0 ? mailOfOne(only, options) : mailOfSeveral(notices, options)
}

function mailOfOne(notice: MailedNotice, options: NoticeMailOptions): MailContent {
  const { reader, name, publicUrl } = options
  const { language } = reader
  const words = CATALOGUES[language].notices[notice.template]
  const { title, path } = noticeText(notice.template, notice.data, reader)
  return {
    language,
    subject: title,
    greeting: greetingFor(name, reader),
    body: formatSentences(language, words.body, valuesOf(notice.data, reader)),
    action: { label: words.action, url: new URL(path, publicUrl).href },
    sections: [],
    after: [],
    ...footerOf([notice], options),
  }
}

function mailOfSeveral(notices: readonly MailedNotice[], options: NoticeMailOptions): MailContent {
  const { reader, name, publicUrl } = options
  const { language } = reader
  const { frame } = CATALOGUES[language]
  const groups = Map.groupBy(notices, ({ template }) => template)
  const ordered = TEMPLATES.flatMap((template) => groups.get(template) ?? [])
  const [first] = ordered
  const shown = new Set(ordered.slice(0, ENTRIES_MAX))
  const sections = TEMPLATES.flatMap((template): MailSection[] => {
    const group = groups.get(template) ?? []
    const entries = group.filter((notice) => shown.has(notice))
    return entries.length === 0
      ? []
      : [sectionOf(template, group.length, entries, reader, publicUrl)]
  })
  const hidden = ordered.length - shown.size
  return {
    language,
    subject: format(language, frame.digestSubject, {
      first: first === undefined ? '' : noticeText(first.template, first.data, reader).title,
      more: ordered.length - 1,
    }),
    greeting: greetingFor(name, reader),
    body: [],
    sections,
    after: hidden === 0 ? [] : [format(language, frame.moreInInbox, { count: hidden })],
    ...footerOf(notices, options),
  }
}

function sectionOf(
  template: Template,
  count: number,
  entries: readonly MailedNotice[],
  reader: Reader,
  publicUrl: string,
): MailSection {
  const { language } = reader
  const words = CATALOGUES[language].notices[template]
  return {
    heading: format(language, words.summary, { count }),
    entries: entries.map(({ data }) => {
      const { body, path } = noticeText(template, data, reader)
      // The heading says the rest of the title.
      const label = String(valuesOf(data, reader).title)
      return { label, body, url: new URL(path, publicUrl).href }
    }),
  }
}

/** Why its reader gets the mail, and how to end that. */
function footerOf(
  notices: readonly MailedNotice[],
  { reader: { language }, publicUrl, unsubscribeUrl }: NoticeMailOptions,
): Pick<MailContent, 'why' | 'links'> {
  const { frame, categories: names } = CATALOGUES[language]
  const settings: MailLink = {
    label: frame.settings,
    url: new URL(SETTINGS_PATH, publicUrl).href,
  }
  const categories = categoriesOf(notices)
  if (categories.length === 0) return { why: frame.whyMandatory, links: [settings] }
  return {
    why: format(language, frame.why, { category: listOf(language, categories) }),
    links: [
      ...categories.map((one) => ({
        label: format(language, frame.unsubscribe, { category: names[one] }),
        url: unsubscribeUrl(one),
      })),
      settings,
    ],
  }
}

/** The categories of notices that their reader can switch off. */
export function categoriesOf(notices: readonly MailedNotice[]): Category[] {
  const kinds = notices.map(({ template }) => kindOf(template))
  return [
    ...new Set(kinds.filter((kind) => kind.isMandatory !== true).map((kind) => kind.category)),
  ]
}
