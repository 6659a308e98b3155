import { html } from '@auction/common/html.ts'
import { cards } from '#src/app/pages/cards.ts'
import { layout } from '#src/app/pages/layout.ts'
import type { Notes } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { readSearchQuery, searchPath } from '#src/domain/search-query.ts'
import type { SavedSearchView, WatchlistView } from '#src/infra/http/buying.ts'
import { myNav } from './frame.ts'

/** Lots that a user watches, the latest first. */
export function watchlistPage(
  viewer: Viewer,
  { items, nextCursor }: WatchlistView,
  serverTime: string,
  notes: Notes,
): string {
  const { watchlist: t } = viewer.talk.t.buying
  const next = nextCursor === undefined ? undefined : encodeURIComponent(nextCursor)
  return layout({
    viewer,
    title: t.title,
    scripts: ['cards'],
    serverTime,
    flash: notes.flash,
    problems: notes.problems ?? [],
    content: html`${myNav(viewer, 'watchlist')}
<h1>${t.title}</h1>
${
  items.length === 0
    ? html`<p class="empty">${t.none}</p>
<p><a class="button" href="${viewer.to('/search?status=active&sort=ending')}">${viewer.talk.t.buying.overview.begin}</a></p>`
    : cards(
        viewer,
        items.map(({ item }) => item),
        serverTime,
        ({ id, name }) =>
          html`<form method="post" action="${viewer.to(`/my/watchlist/${id}/remove`)}" data-form="unwatch"><button aria-label="${t.removeFor(name)}">${t.remove}</button></form>`,
      )
}
${next !== undefined && html`<p><a class="button" rel="next" href="${viewer.to(`/my/watchlist?cursor=${next}`)}">${t.more}</a></p>`}`,
  })
}

/** Searches that a user saved; each can be run again, and deleted. */
export function searchesPage(
  viewer: Viewer,
  searches: readonly SavedSearchView[],
  notes: Notes,
): string {
  const { talk } = viewer
  const { searches: t } = talk.t.buying
  return layout({
    viewer,
    title: t.title,
    flash: notes.flash,
    problems: notes.problems ?? [],
    content: html`${myNav(viewer, 'searches')}
<h1>${t.title}</h1>
${
  searches.length === 0
    ? html`<p class="empty">${t.none}</p>
<p><a class="button" href="${viewer.to('/search')}">${t.toSearch}</a></p>`
    : html`<p>${t.intro}</p>
<ul class="sessions">${searches.map(({ id, name, filters, createdAt }) => {
        const path = searchPath(queryOf(filters))
        return html`<li><strong><a href="${viewer.to(path)}" dir="auto">${name}</a></strong>
<small><bdi>${textOf(filters, t.anything)}</bdi> · ${t.savedAt(talk.day(createdAt))}</small>
<form method="post" action="${viewer.to(`/my/searches/${id}/delete`)}" data-form="delete-search"><button aria-label="${t.removeFor(name)}">${t.remove}</button></form></li>
`
      })}</ul>`
}`,
  })
}

/** As the page of searches has it in its address; filters that it does not know it leaves out. */
const queryOf = (filters: SavedSearchView['filters']) =>
  readSearchQuery({ ...filters, buyNow: filters.buyNow === true ? 'yes' : '' })

/** What is searched for, in short: its words and its price, since ids say nothing. */
function textOf(
  { q, minPrice, maxPrice, currencyCode }: SavedSearchView['filters'],
  anything: string,
) {
  const words = typeof q === 'string' && q !== '' ? q : anything
  const prices = [minPrice, maxPrice].filter((price) => typeof price === 'string')
  return prices.length === 0 ? words : `${words}, ${prices.join(' – ')} ${String(currencyCode)}`
}
