import { type Html, html } from '@auction/common/html.ts'
import type { Viewer } from '#src/app/viewer.ts'

const PAGES = [
  ['overview', '/my'],
  ['bids', '/my/bids'],
  ['orders', '/my/orders'],
  ['offers', '/my/offers'],
  ['watchlist', '/my/watchlist'],
  ['searches', '/my/searches'],
] as const

export type OwnPage = (typeof PAGES)[number][0]

/** The way between the pages of what a user buys. */
export function myNav(viewer: Viewer, current?: OwnPage): Html {
  const { nav } = viewer.talk.t.buying
  return html`<nav class="tabs own-pages" aria-label="${nav.label}">${PAGES.map(
    ([name, path]) =>
      html`<a href="${viewer.to(path)}"${name === current && html` aria-current="page"`}>${nav[name]}</a>`,
  )}</nav>`
}

/** The word for something that an API names, or that name where it is newer than these pages. */
export const wordFor = (words: Readonly<Record<string, string>>, name: string): string =>
  Object.hasOwn(words, name) ? (words[name] ?? name) : name
