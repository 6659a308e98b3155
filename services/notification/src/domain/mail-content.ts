import type { Language } from './notice-text.ts'

export interface MailLink {
  readonly label: string
  readonly url: string
}

/** A part of a mail with several notices. */
export interface MailSection {
  readonly heading: string
  readonly entries: readonly (MailLink & { readonly body: string })[]
}

/** What a mail says, before it is a text and a page. */
export interface MailContent {
  readonly language: Language
  readonly subject: string
  readonly greeting: string
  readonly body: readonly string[]
  readonly action?: MailLink
  /** Above the address of the action in words, for those whose button does not work. */
  readonly linkByHand?: string
  readonly sections: readonly MailSection[]
  /** Below the action. */
  readonly after: readonly string[]
  /** Why its reader gets it. */
  readonly why: string
  readonly links: readonly MailLink[]
}
