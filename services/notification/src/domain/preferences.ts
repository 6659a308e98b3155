import type { Reader } from './notice-text.ts'
import {
  CATEGORIES,
  type Category,
  CHANNELS,
  type Channel,
  kindOf,
  TEMPLATES,
  type Template,
} from './notices.ts'
import type { QuietHours } from './quiet-hours.ts'

/** When a notice of a category is sent by a channel. The inbox has it at once, whatever is chosen. */
export const CHOICES = ['now', 'daily', 'weekly', 'off'] as const
export type Choice = (typeof CHOICES)[number]

export type Choices = Readonly<Record<Category, Readonly<Record<Channel, Choice>>>>

/** What a user chose; the rest is as by default. */
export type ChosenChoices = { readonly [C in Category]?: { readonly [W in Channel]?: Choice } }

/**
 * For users who chose nothing. At once: what asks for an answer within hours, and what is about money. Not
 * by itself: how lots ended that others won, since nothing can be done about it. Saved searches are mailed once a
 * day, because ten new items a day are one interest and not ten.
 */
export const DEFAULT_CHOICES: Choices = {
  bidding: { mail: 'now', push: 'now' },
  results: { mail: 'off', push: 'off' },
  purchases: { mail: 'now', push: 'now' },
  sales: { mail: 'now', push: 'now' },
  questions: { mail: 'now', push: 'now' },
  searches: { mail: 'daily', push: 'off' },
  integrations: { mail: 'now', push: 'off' },
}

/** Users who chose nothing read so. */
export const DEFAULT_READER: Reader = { language: 'en', timeZone: 'UTC' }

/** How a user wants to be notified, defaults included. */
export interface Wishes {
  readonly timeZone: string
  readonly quietHours: QuietHours | undefined
  readonly choices: Choices
}

/** The choices of a user, with defaults for what was not chosen. */
export function withDefaults(chosen: ChosenChoices): Choices {
  const entries = CATEGORIES.map((category) => [
    category,
    { ...DEFAULT_CHOICES[category], ...chosen[category] },
  ])
  return Object.fromEntries(entries) as Choices
}

/** Templates whose mail is sent at once whatever is chosen, also in quiet hours. */
export const ALWAYS_MAILED: readonly Template[] = TEMPLATES.filter(
  (template) => kindOf(template).isMandatory === true,
)

export const isAlwaysSent = (template: Template, channel: Channel): boolean =>
  channel === 'mail' && ALWAYS_MAILED.includes(template)

/** True when there is nothing to choose, because every notice of it is always sent. */
export function isLocked(category: Category, channel: Channel): boolean {
  const templates = TEMPLATES.filter((template) => kindOf(template).category === category)
  return templates.every((template) => isAlwaysSent(template, channel))
}

/** Every choice that is not the user's. */
export const LOCKED: readonly { readonly category: Category; readonly channel: Channel }[] =
  CATEGORIES.flatMap((category) =>
    CHANNELS.filter((channel) => isLocked(category, channel)).map((channel) => ({
      category,
      channel,
    })),
  )

/** When a notice is sent by a channel. */
export function choiceFor(template: Template, channel: Channel, choices: Choices): Choice {
  const { category, channels } = kindOf(template)
  if (!channels.includes(channel)) return 'off'
  return isAlwaysSent(template, channel) ? 'now' : choices[category][channel]
}
