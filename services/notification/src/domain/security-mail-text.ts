import { CATALOGUES, format, formatSentences } from './catalogue.ts'
import type { MailContent } from './mail-content.ts'
import type { Reader } from './notice-text.ts'
import { plainLine } from './plain-line.ts'
import { displayInstant } from './reader-format.ts'
import type { SecurityTemplate } from './security-mails.ts'

export interface SecurityMailData {
  readonly to: string
  readonly name: string
  /** The whole address to follow, with its secret. */
  readonly link?: string
  readonly expiresAt?: Date
}

/** Where the button of a mail leads that has no link of its own. */
const PATHS: Readonly<Partial<Record<SecurityTemplate, string>>> = {
  password_changed: '/account/forgot',
  email_change_asked: '/account/forgot',
  already_registered: '/account/login',
  account_deletion_withdrawn: '/account/login',
}

/** A mail about the security of an account, in the language and zone of its reader. */
export function securityMail(
  template: SecurityTemplate,
  { to, name, link, expiresAt }: SecurityMailData,
  reader: Reader,
  publicUrl: string,
): MailContent {
  const { language, timeZone } = reader
  const { mails, frame } = CATALOGUES[language]
  const words = mails[template]
  const values = {
    expires:
      expiresAt === undefined
        ? undefined
        : displayInstant(language, expiresAt.toISOString(), timeZone),
  }
  const url = link ?? new URL(PATHS[template] ?? '/account', publicUrl).href
  return {
    language,
    subject: format(language, words.subject),
    greeting: greetingFor(name === to ? '' : name, reader),
    body: formatSentences(language, words.body, values),
    ...(words.action === undefined ? {} : { action: { label: words.action, url } }),
    ...(link === undefined ? {} : { linkByHand: frame.linkByHand }),
    sections: [],
    after: formatSentences(language, words.after, values),
    why: frame.whySecurity,
    links: [],
  }
}

// Mail programs make links of what looks like an address, and a stranger may have chosen the name.
const LOOKS_LIKE_ADDRESS = /[/@:]|\S\.\S/

/** A line with the name of the reader, or without when it is none to be repeated. */
export function greetingFor(name: string, { language }: Reader): string {
  const { frame } = CATALOGUES[language]
  const shown = plainLine(name)
  if (shown === '' || LOOKS_LIKE_ADDRESS.test(shown)) return frame.greetingUnnamed
  return format(language, frame.greeting, { name: shown })
}
