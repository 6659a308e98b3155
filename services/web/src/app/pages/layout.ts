import { type Html, html } from '@auction/common/html.ts'
import { assetPath } from '#src/app/assets.ts'
import { isModerator, type Viewer } from '#src/app/viewer.ts'
import { LOCALES, splitLocale } from '#src/domain/locale.ts'
import { returnPath } from '#src/domain/return-path.ts'
import { LOCALE_NAMES } from '#src/domain/talk.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import { flash, type Notes, summary, titleWith } from './parts.ts'

export interface LayoutOptions extends Notes {
  viewer: Viewer
  /** Without the name of the site. */
  title: string
  /** For search engines and previews of links; only pages of the public have one of their own. */
  description?: string
  /** The server's clock when the data was read; absent on pages without times. */
  serverTime?: string
  /** Scripts besides that of every page. */
  scripts?: readonly ('cards' | 'lot' | 'mailed-link' | 'passkeys' | 'payment' | 'push' | 'sell')[]
  /** The words that the search box shows. */
  query?: string
  content: Html
}

/** The frame of every page, as a whole document. */
export function layout(options: LayoutOptions): string {
  const { viewer, title, serverTime, scripts = [], content, problems } = options
  const { t, language } = viewer.talk
  return `<!doctype html>\n${
    html`<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${titleWith(viewer.talk, title, problems)} – ${t.site}</title>
<meta name="description" content="${options.description ?? t.home.intro}">
${options.description !== undefined && publicHead(viewer)}
<link rel="icon" href="${assetPath('icon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${assetPath('style.css')}">
${['page', ...scripts].map((name) => html`<script src="${assetPath(`${name}.js`)}" type="module"></script>`)}
</head>
<body${viewer.userId !== undefined && html` data-user="${viewer.userId}"`}>
<a class="skip" href="#content">${t.skip}</a>
<header class="top">
<a class="brand" href="${viewer.to('/')}">${t.site}</a>
<form class="find" role="search" action="${viewer.to('/search')}">
<input type="search" name="q" aria-label="${t.frame.searchLabel}" placeholder="${t.frame.searchLabel}" maxlength="${TEXT_LENGTHS_MAX['search.text']}"${options.query !== undefined && html` value="${options.query}"`}>
<button>${t.frame.search}</button>
</form>
${accountNav(viewer)}
</header>
<main id="content" tabindex="-1"${serverTime !== undefined && html` data-server-time="${serverTime}"`}>
${summary(viewer.talk, problems)}
${flash(options.flash)}
${content}
</main>
${footer(viewer)}
</body>
</html>`.markup
  }`
}

/**
 * The same page in each language, for those who come from a search engine; without a prefix the browser's decides. Each
 * of these addresses is its own canonical one, or search engines would drop it from the others' list.
 */
function publicHead(viewer: Viewer): Html {
  const [path = '/', search = ''] = splitLocale(viewer.path).rest.split('?')
  const given = new URLSearchParams(search)
  const kept = LISTED.flatMap((name) => {
    const value = given.get(name)
    return value === null ? [] : [[name, value]]
  })
  const query = kept.length === 0 ? '' : `?${new URLSearchParams(kept)}`
  const at = (prefix: string) => `${viewer.origin}${prefix}${path}${query}`
  return html`<link rel="canonical" href="${at(viewer.prefix)}">
${LOCALES.map((locale) => html`<link rel="alternate" hreflang="${locale}" href="${at(`/${locale}`)}">`)}
<link rel="alternate" hreflang="x-default" href="${at('')}">`
}

/** Parameters that make another page of a public one. */
const LISTED = ['status', 'page', 'cursor'] as const

const UNREAD_MARK = html`<!--unread-->`

/**
 * The page with the number of unread notices in its frame. It comes in at the end, so that reading it takes no time
 * of its own. No text of a user holds the mark: a page has every < escaped.
 */
export function withUnread(markup: string, viewer: Viewer, count: number | undefined): string {
  const { talk } = viewer
  const shown =
    count === undefined || count === 0
      ? html``
      : html` <b aria-hidden="true">(${countText(viewer, count)})</b><span class="unseen"> ${talk.count(count, talk.t.notices.unread)}</span>`
  return markup.replace(UNREAD_MARK.markup, () => shown.markup)
}

/** As many as are counted stand for more as well. */
const COUNTED_MAX = 1_000

export const countText = ({ talk }: Viewer, count: number): string =>
  count >= COUNTED_MAX ? `${talk.number(COUNTED_MAX - 1)}+` : talk.number(count)

/** Logging out changes something, and so it is a form and no link. */
function accountNav(viewer: Viewer): Html {
  const { frame } = viewer.talk.t
  if (viewer.isLoggedIn) {
    const { buying, moderation, notices } = viewer.talk.t
    return html`<nav aria-label="${frame.accountNav}">${
      isModerator(viewer) &&
      html`<a href="${viewer.to('/moderation')}">${moderation.title}</a>
`
    }<a href="${viewer.to('/my')}">${buying.nav.overview}</a>
<a href="${viewer.to('/my/items')}">${frame.mySelling}</a>
<a href="${viewer.to('/sell')}">${frame.sell}</a>
<a href="${viewer.to('/notifications')}">${notices.link}${UNREAD_MARK}</a>
<a href="${viewer.to('/account')}"><bdi>${viewer.name ?? frame.account}</bdi></a>
<form method="post" action="${viewer.to('/logout')}" data-form="logout"><button>${frame.logOut}</button></form></nav>`
  }
  const query = `?returnTo=${encodeURIComponent(returnPath(viewer.path))}`
  return html`<nav aria-label="${frame.accountNav}"><a href="${viewer.to('/sell')}">${frame.sell}</a>
<a href="${viewer.to('/login')}${query}">${frame.logIn}</a>
<a href="${viewer.to('/register')}">${frame.register}</a></nav>`
}

function footer(viewer: Viewer): Html {
  const { frame } = viewer.talk.t
  const { rest } = splitLocale(viewer.path)
  const links = [
    ['/help', frame.help],
    ['/fees', frame.fees],
    ['/terms', frame.terms],
    ['/help/privacy', viewer.talk.t.help.topics.privacy.title],
    ['/developers', frame.developers],
    ['/status', viewer.talk.t.help.status.title],
  ] as const
  return html`<footer>
<nav aria-label="${frame.footerNav}">${links.map(([path, name]) => html`<a href="${viewer.to(path)}">${name}</a>`)}</nav>
<nav aria-label="${frame.languageNav}">${LOCALES.map(
    (locale) =>
      html`<a href="/${locale}${rest}" lang="${locale}" hreflang="${locale}"${
        locale === viewer.talk.locale && html` aria-current="true"`
      }>${LOCALE_NAMES[locale]}</a>`,
  )}</nav>
<p>${frame.times(viewer.talk.zone)}</p>
</footer>`
}
